import type { BrokersOptions, UrlOptions } from '../connections.ts'
import type { OutputFormat } from '../options.ts'

/** What `datajob results` can be told. */
export interface ResultsOptions extends UrlOptions, BrokersOptions {
  readonly destination?: string
  readonly headers?: boolean
  /** False for `--no-wait`. */
  readonly wait: boolean
  readonly timeout?: number
  readonly output: OutputFormat
}
