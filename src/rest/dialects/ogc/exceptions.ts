/** What refused or failed requests of this dialect are answered with (OGC 18-062r2, 7.4 and RFC 7807). */
import { STATUS_CODES } from 'node:http'
import { qualityOfRange } from '../../accept.ts'
import { Refusal, type RefusalOptions, type RefusalStatus } from '../../errors.ts'

const TYPES = 'http://www.opengis.net/def/exceptions'
const PART_1 = `${TYPES}/ogcapi-processes-1/1.0`
const PART_2 = `${TYPES}/ogcapi-processes-2/1.0`

/** The names that the standard has. */
const types = {
  'no-such-process': PART_1,
  'no-such-job': PART_1,
  'result-not-ready': PART_1,
  'duplicated-process': PART_2,
  'immutable-process': PART_2,
  'unsupported-media-type': PART_2,
  'workflow-not-found': PART_2,
}

export interface ExceptionBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
}

/** A refusal that the standard has a name for. */
export class OgcRefusal extends Refusal {
  readonly type: string

  constructor(status: RefusalStatus, name: keyof typeof types, message: string, options: RefusalOptions = {}) {
    super(status, message, options)
    this.type = `${types[name]}/${name}`
  }
}

/** `path` is the request's, without its query. */
export function exceptionOf(refusal: Refusal, path: string): ExceptionBody {
  const { status, message, details } = refusal
  const phrase = STATUS_CODES[status] ?? ''
  return {
    // RFC 7807, 4.2: of what has no name of its own, the status says all, and the title is its phrase.
    ...(refusal instanceof OgcRefusal ? { type: refusal.type, title: message } : { type: 'about:blank', title: phrase }),
    status,
    detail: refusal instanceof OgcRefusal ? details : [message, details].filter((text) => text !== '').join('. '),
    instance: path,
  }
}

const JSON_TYPE = 'application/json'
const PROBLEM_TYPE = 'application/problem+json'

/** The media type of an exception: that of problems where the client likes it at least as much as plain JSON, by name. */
export function exceptionTypeFor(accept: string | undefined): string {
  const problem = qualityOfRange(PROBLEM_TYPE, accept) ?? 0
  return problem > 0 && problem >= (qualityOfRange(JSON_TYPE, accept) ?? 0) ? PROBLEM_TYPE : JSON_TYPE
}
