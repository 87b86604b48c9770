import type { IncomingMessage, ServerResponse } from 'node:http'
import { reply } from './reply.ts'

/** What a call of the DMI contract asks for, whichever of its two versions it speaks. */
export type DmiRoute =
  | { readonly type: 'submit'; readonly contract: 'dataJob' | 'cmJob'; readonly kind: 'READ' | 'WRITE' }
  | { readonly type: 'status' | 'result' | 'cancel'; readonly dataProducerJobId: string }

const SUBMIT = /^(?:dataJob\/[^/]*\/(read|write)Job|cm(read|write)Job)$/
const JOB = /^(?:dataJob\/[^/]*|cmwriteJob\/dataProducer\/[^/]*)\/dataProducerJob\/([^/]+)(?:\/(status|result))?$/

/** The call that the request is; null where it is none, and is answered so. */
export function dmiCallOf({ method = '', url = '' }: IncomingMessage, response: ServerResponse): DmiRoute | null {
  const route = dmiRoute(method, url)
  if (route === 'unknown') reply(response, 404, { message: 'no such path in the DMI contract' })
  else if (route === 'not-allowed') reply(response, 405, { message: `the DMI contract has no ${method} here` })
  else return route
  return null
}

/**
 * Reads a request line (contract page, "Us → DMI"). A path that is none of the contract's is `unknown`, one that is but
 * with another method `not-allowed`.
 */
function dmiRoute(method: string, url: string): DmiRoute | 'unknown' | 'not-allowed' {
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  if (!path.startsWith('/dmi/v1/')) return 'unknown'
  const call = path.slice('/dmi/v1/'.length)
  const submit = SUBMIT.exec(call)
  if (submit !== null) {
    if (method !== 'POST') return 'not-allowed'
    const [, dataJob, cmJob] = submit
    const kind = (dataJob ?? cmJob) === 'read' ? 'READ' : 'WRITE'
    return { type: 'submit', contract: dataJob === undefined ? 'cmJob' : 'dataJob', kind }
  }
  const [, id, about] = JOB.exec(call) ?? []
  const dataProducerJobId = id === undefined ? undefined : decoded(id)
  if (dataProducerJobId === undefined) return 'unknown'
  if (method !== (about === undefined ? 'DELETE' : 'GET')) return 'not-allowed'
  return { type: about === 'status' || about === 'result' ? about : 'cancel', dataProducerJobId }
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
