import { type logCreator, logLevel } from 'kafkajs'

/** What is used of a pino logger. */
export interface KafkaLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** kafkajs builds no log entries below this level. */
export const VERBOSITY = logLevel.WARN

// The one thing that happens inside of kafkajs, matters, and shows nowhere else: records were lost to retention.
const POSITION_LOST = 'Offset out of range'

/**
 * kafkajs's own log, for people who debug it. It calls a rebalance, a lost connection and each wait for the transaction
 * before an error; what really fails reaches us as an error or a crash and is reported there.
 */
export function logCreatorOf(logger: KafkaLogger): logCreator {
  return () =>
    ({ namespace, log }) => {
      const fields = { namespace, kafkajs: log }
      if (log.message.startsWith(POSITION_LOST)) logger.warn(fields, log.message)
      else logger.debug(fields, log.message)
    }
}
