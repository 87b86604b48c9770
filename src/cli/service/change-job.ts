import type { NcmpStatus } from '../../rest/dialects/ncmp/schemas.ts'
import type { Cli } from '../cli.ts'
import { serviceClient, type UrlOptions } from '../connections.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note, type OutputFormat, printJson } from '../options.ts'
import { followJob } from './follow-job.ts'
import type { AcceptedJob, ServiceClient } from './service-client.ts'

export interface ChangeOptions extends UrlOptions {
  readonly wait?: boolean
  readonly timeout?: number
  readonly output: OutputFormat
}

export interface JobChange {
  readonly change: (client: ServiceClient) => Promise<AcceptedJob>
  /** How the job is to end, where that is not FINISHED. */
  readonly wanted: NcmpStatus | null
}

/** Asks the service to change the job, and follows it if that is wanted. Throws a CommandFailure. */
export async function changeJob(cli: Cli, jobId: string, asked: ChangeOptions & JobChange): Promise<ExitCode> {
  const { change, wanted, wait, timeout, output, ...options } = asked
  if (timeout !== undefined && wait !== true) {
    throw new CommandFailure(ExitCode.Usage, '--timeout is for --wait: without it nothing is waited for')
  }
  const client = serviceClient(cli, options)
  const answer = await change(client)
  if (wait === true) return followJob(cli, { client, jobId, output, timeoutMs: timeout ?? null, wanted })
  if (output === 'json') printJson(cli.screen.out, answer)
  else note(cli, `${answer.jobId}: ${answer.status}`)
  return ExitCode.Ok
}
