/** Messages about many jobs, as fast-check makes them up. */
import fc from 'fast-check'
import type { CommandJobs, JobsCommanded } from '../../src/domain/bulk.ts'
import { int, maybe, text, time } from './codec-values.ts'

interface ByType {
  readonly CommandJobs: fc.Arbitrary<CommandJobs>
  readonly JobsCommanded: fc.Arbitrary<JobsCommanded>
}

export const bulkMessages: ByType = {
  CommandJobs: fc.record({
    type: fc.constant('CommandJobs'),
    commandId: text,
    action: fc.constantFrom('cancel', 'requeue'),
    conditions: fc.array(
      fc.record({ facet: text, texts: maybe(fc.array(text)), numbers: maybe(fc.array(time)), atLeast: maybe(time), atMost: maybe(time) }),
      { maxLength: 3 },
    ),
    requestedBy: maybe(text),
    authorization: maybe(text),
    priority: maybe(int),
  }),
  JobsCommanded: fc.record({ type: fc.constant('JobsCommanded'), commandId: text, number: time }),
}
