/** Subjobs as the service tells of them, for people. */
import type { NcmpSubjob } from '../../rest/dialects/ncmp/subjob-schemas.ts'
import type { Column } from '../output/table.ts'
import { formatCount } from '../output/units.ts'
import { statusStyle } from './job-view.ts'

/** Columns for a job's subjobs below each other. */
export const subjobColumns: readonly Column<NcmpSubjob>[] = [
  { title: 'subjob', cell: ({ subjobId }) => subjobId.slice(subjobId.lastIndexOf('/') + 1) },
  { title: 'status', cell: ({ status }) => status, style: ({ status }, text, paint) => paint(statusStyle(status), text) },
  { title: 'dmi service', cell: ({ dmiServiceName }) => dmiServiceName },
  { title: 'producer', cell: ({ dataProducerId }) => dataProducerId },
  { title: 'operations', align: 'right', cell: ({ operations }) => formatCount(operations.total) },
  {
    title: 'failed',
    align: 'right',
    cell: ({ operations }) => formatCount(operations.failed),
    style: ({ operations }, text, paint) => (operations.failed === 0 ? text : paint('red', text)),
  },
  { title: 'attempts', align: 'right', cell: ({ attempts }) => formatCount(attempts.length) },
  { title: 'waits for, or last error', cell: ({ waitingFor, message }) => waitingFor ?? message ?? '' },
]
