import { destination, type Logger, pino } from 'pino'

export interface LoggerOptions {
  readonly level: string
  /** Names this process in every line. */
  readonly worker: string
}

/** JSON lines on standard error: standard output belongs to what a command prints. Ids are logged, payloads and secrets never. */
export function createLogger({ level, worker }: LoggerOptions): Logger {
  return pino({ level, base: { worker }, redact: ['req.headers.authorization', 'password'] }, destination({ fd: 2, sync: false }))
}
