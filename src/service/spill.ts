/** Where lanes keep the operations of subjobs that wait: one place for all of a process, for they share its memory. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { OperationSpill } from '../spill/operation-spill.ts'

export function operationSpill({ config, logger }: { readonly config: Config; readonly logger: Logger }): OperationSpill {
  const folder = join(config.dataFolder, 'operations')
  return new OperationSpill({
    folder,
    memoryBytesMax: config.operationsMemoryBytesMax,
    events: {
      troubled: (error) => {
        logger.error({ err: error, folder }, "operations that wait can't be written to files: they stay in memory")
      },
      recovered: () => {
        logger.info({ folder }, 'operations that wait are written to files again')
      },
    },
  })
}
