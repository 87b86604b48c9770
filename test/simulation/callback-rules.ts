/** Which callbacks are due by which notice: the rules of our dialects, and one that tells all there is to tell. */
import type { SubjobReport } from '../../src/domain/messages.ts'
import { maapCallbackRule } from '../../src/rest/dialects/maap/callbacks.ts'
import { ogcCallbackRule } from '../../src/rest/dialects/ogc/callbacks.ts'
import type { CallbackRule, DueCallback } from '../../src/stages/notifier/callback-delivery.ts'

/** Of a job its states, in one line; of each of its subjobs what is reported of it, in a line of its own. */
const stepByStep: CallbackRule = ({ job, report }) => {
  const { jobId, run, callbacks, state } = job
  if (report === null) return dueTo(callbacks['states'], { id: `${jobId}/${run}/${state}`, line: jobId, kind: 'states' })
  const line = `${jobId}/${report.index}`
  return dueTo(callbacks['steps'], { id: `${line}/${report.run}/${nameOf(report)}`, line, kind: 'steps' })
}

function nameOf(report: SubjobReport): string {
  switch (report.type) {
    case 'SubjobStarted':
      return `started ${report.attempt}`
    case 'SubjobAttemptFailed':
      return `failed ${report.attempt.number}${report.retryAt === null ? ' for good' : ''}`
    case 'SubjobEnded':
      return 'ended'
  }
}

export const CALLBACK_RULES: Readonly<Record<string, CallbackRule>> = { ogc: ogcCallbackRule, maap: maapCallbackRule, steps: stepByStep }

/** What each dialect calls the addresses that it tells. */
export const CALLBACK_NAMES: Readonly<Record<string, readonly string[]>> = {
  ogc: ['inProgressUri', 'successUri', 'failedUri'],
  maap: ['callback_uri'],
  steps: ['states', 'steps'],
}

function dueTo(url: string | undefined, due: Omit<DueCallback, 'url'>): readonly DueCallback[] {
  return url === undefined ? [] : [{ ...due, url }]
}
