/** What a list of jobs is asked for, in our words. Everything here throws a 400 on a value that is none. */
import { type JobCursor, parseJobCursor } from '../../../read-model/job-cursor.ts'
import type { DurationFilter, JobFilter, JobPageRequest } from '../../../read-model/port.ts'
import { clip, Refusal } from '../../errors.ts'
import { parseInstant } from '../../instant.ts'
import type { JobListQuery } from './job-list-schemas.ts'
import { DIALECT, statusesBehind } from './job-mapping.ts'
import { STATUS_CODES } from './job-schemas.ts'

const USE_LINKS = 'Use the links of a page as they are.'

/** `now` is in milliseconds since the epoch. */
export function jobFilterOf(query: JobListQuery, workspace: string, now: number): JobFilter {
  for (const type of listed(query.type)) requireOneOf('type', type, ['process'])
  const statuses = listed(query.status).map((status) => requireOneOf('status', status, STATUS_CODES))
  return {
    ...{ tenant: workspace, dialect: DIALECT, subjects: processIdsOf(query) },
    statuses: statuses.flatMap(statusesBehind),
    ...createdWithin(query.datetime),
    duration: durationOf(query, now),
  }
}

export function pageRequestOf({ limit, after, before }: JobListQuery): JobPageRequest {
  if (after !== undefined && before !== undefined) {
    throw new Refusal(400, 'query before can’t be given together with after', { details: USE_LINKS })
  }
  if (before !== undefined) return { limit, before: cursorOf('before', before) }
  return { limit, after: after === undefined ? null : cursorOf('after', after) }
}

function cursorOf(name: string, text: string): JobCursor {
  const cursor = parseJobCursor(text)
  if (cursor !== null) return cursor
  throw new Refusal(400, `query ${name}: "${clip(text)}" leads to no page`, { details: USE_LINKS })
}

function listed(values: readonly string[] = []): readonly string[] {
  return values.flatMap((value) => value.split(','))
}

// An id may have a comma in it.
function processIdsOf({ processID = [] }: JobListQuery): readonly string[] {
  return [...new Set([...processID, ...listed(processID)])]
}

function requireOneOf<Word extends string>(name: string, word: string, words: readonly Word[]): Word {
  const known = words.find((each) => each === word)
  if (known !== undefined) return known
  throw new Refusal(400, `query ${name}: "${clip(word)}" is not one of ${words.join(', ')}`)
}

function durationOf({ minDuration, maxDuration }: JobListQuery, now: number): DurationFilter | undefined {
  const [least, most] = [minDuration?.[0], maxDuration?.[0]]
  if (least === undefined && most === undefined) return undefined
  if (least !== undefined && most !== undefined && least > most) {
    throw new Refusal(400, `query minDuration: ${least} is more than maxDuration, ${most}`)
  }
  return { atLeastMs: milliseconds(least), atMostMs: milliseconds(most), now }
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.min(seconds * 1000, Number.MAX_SAFE_INTEGER)
}

function createdWithin(datetime: string | undefined): Pick<JobFilter, 'createdAfter' | 'createdBefore'> {
  if (datetime === undefined) return {}
  const [start = '', end, ...more] = datetime.split('/')
  if (end === undefined) return { createdAfter: instantIn(datetime, start), createdBefore: instantIn(datetime, start) + 1 }
  const [opens, closes] = [isOpen(start), isOpen(end)]
  if (more.length > 0 || (opens && closes)) throw noTime(datetime)
  const createdAfter = opens ? undefined : instantIn(datetime, start)
  const createdBefore = closes ? undefined : instantIn(datetime, end) + 1
  if (createdAfter !== undefined && createdBefore !== undefined && createdAfter >= createdBefore) {
    throw new Refusal(400, `query datetime: "${clip(datetime)}" ends before it begins`)
  }
  return { createdAfter, createdBefore }
}

function isOpen(end: string): boolean {
  return end === '' || end === '..'
}

// RFC 3339, 5.6: the letters may be small.
function instantIn(datetime: string, text: string): number {
  const epochMs = parseInstant(text.toUpperCase())
  if (epochMs === null) throw noTime(datetime)
  return epochMs
}

function noTime(datetime: string): Refusal {
  const details =
    'It is an RFC 3339 date-time such as 2025-11-22T04:19:00Z, or an interval of two with a slash between, of which one may be .. or ' +
    'left out. A "+" in a query is written %2B.'
  return new Refusal(400, `query datetime: "${clip(datetime)}" is neither an instant nor an interval`, { details })
}
