import { destination, type DestinationStream, type Logger, pino } from 'pino'

export interface LoggerOptions {
  readonly level: string
  /** Names this process in every line. */
  readonly worker: string
  /** Where the lines go: standard error when left out, because standard output belongs to what a command prints. */
  readonly stream?: DestinationStream
}

/** Lines of JSON. Ids are logged, payloads and secrets never. */
export function createLogger({ level, worker, stream = destination({ fd: 2, sync: false }) }: LoggerOptions): Logger {
  return pino({ level, base: { worker }, redact: ['req.headers.authorization', 'password'] }, stream)
}
