import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { createLogger } from '../../observability/logger.ts'
import type { Pane } from '../output/screen.ts'

/** The service's log on stderr: JSON for programs; on a terminal lines for people, where pino-pretty is installed. */
export async function serviceLogger(pane: Pane, level: string): Promise<Logger> {
  const worker = `${hostname()}/${process.pid}`
  const pretty = pane.isTty ? await import('pino-pretty').catch(() => null) : null
  if (pretty === null) return createLogger({ level, worker })
  const colorize = pane.paint('bold', '') !== ''
  const stream = pretty.default({
    destination: 2,
    colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,worker',
    singleLine: true,
  })
  return createLogger({ level, worker, stream })
}
