/** Which of what was reported of an operation belongs to which run of its subjob: each run reports it once. */
import type { SubjobRow } from '../../read-model/subjob-row.ts'
import type { OperationReport } from '../../results/result-event.ts'

/** Runs of the subjob that have ended, and so were reported. */
export function reportedRuns(row: Pick<SubjobRow, 'state' | 'run'>): number {
  return row.state === 'ended' ? row.run : row.run - 1
}

/** `reports` are those of one operation, the latest last. Undefined of a run that goes on, and of one whose report is kept no longer. */
export function reportOfRun(
  reports: readonly OperationReport[],
  row: Pick<SubjobRow, 'state' | 'run'>,
  run: number,
): OperationReport | undefined {
  const runsSince = reportedRuns(row) - run
  return runsSince < 0 ? undefined : reports.at(-1 - runsSince)
}
