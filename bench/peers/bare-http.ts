/** The least that a subjob takes: three calls of the DMI contract, over kept connections, and nothing remembered. */
import { Pool } from 'undici'
import { elementOf } from '../harness/ours.ts'

export const IN_FLIGHT = 64

/** One subjob of one operation, from its submission to its result. */
export async function callDmi(pool: Pool, jobId: string, n: number): Promise<void> {
  const root = `/dmi/v1/dataJob/${jobId}`
  const submitted = await text(pool, 'POST', `${root}/writeJob`, submissionOf(jobId, n))
  const { dataProducerJobId } = JSON.parse(submitted) as { readonly dataProducerJobId: string }
  const call = `${root}/dataProducerJob/${dataProducerJobId}`
  const { status } = JSON.parse(await text(pool, 'GET', `${call}/status?dataProducerId=producer-${n}`)) as { readonly status: string }
  if (status !== 'FINISHED') throw new Error(`subjob ${n} is ${status}`)
  await text(pool, 'GET', `${call}/result?dataProducerId=producer-${n}`)
}

/** Subjobs a second. */
export async function bareHttp(url: string, subjobs: number): Promise<number> {
  const pool = new Pool(url, { connections: IN_FLIGHT })
  let next = 0
  const work = async (): Promise<void> => {
    for (let n = next++; n < subjobs; n = next++) await callDmi(pool, 'bare', n)
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, work))
  const seconds = (performance.now() - begun) / 1_000
  await pool.close()
  return subjobs / seconds
}

async function text(pool: Pool, method: 'GET' | 'POST', path: string, body?: string): Promise<string> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await pool.request({ method, path, headers, body: body ?? null })
  return answer.body.text()
}

function submissionOf(jobId: string, n: number): string {
  return JSON.stringify({
    ...{ destination: 'results', dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json' },
    ...{ dataContentType: 'application/3gpp-json-patch+json', dataProducerId: `producer-${n}`, dataJobId: jobId },
    data: [
      {
        ...{ path: `${elementOf(n)}/GNBDUFunction=1/NRCellDU=1`, op: 'merge', moduleSetTag: '' },
        ...{ value: { id: '1', attributes: { nRPCI: n, administrativeState: 'UNLOCKED' } }, operationId: `operation-${n}` },
      },
    ],
  })
}
