/**
 * Submits a job, follows it to its end and reads its results, with a client whose types are those of the OpenAPI document:
 * a wrong path, parameter, body or member of an answer does not compile.
 *
 * datajob-api.d.ts is made by openapi-typescript from docs/openapi.json, which is what a service answers at /openapi.json.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import createClient from 'openapi-fetch'
import type { components, paths } from './datajob-api.d.ts'

type Schemas = components['schemas']

const POLL_MS = 500
const ENDED: readonly string[] = ['FINISHED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLED']

const { DATAJOB_URL = 'http://127.0.0.1:8080', DATAJOB_TOKEN, DESTINATION, JOB_ID = `typescript-${crypto.randomUUID()}` } = process.env
const api = createClient<paths>({
  baseUrl: DATAJOB_URL,
  headers: DATAJOB_TOKEN === undefined ? {} : { authorization: `Bearer ${DATAJOB_TOKEN}` },
})

/** What was answered, or an error that says what was refused and why. */
function answerOf<T>({ data, error, response }: { data?: T; error?: Schemas['Error']; response: Response }): T {
  if (data !== undefined) return data
  throw new Error(`${response.url}: ${error?.status ?? response.status}: ${error?.message ?? ''} ${error?.details ?? ''}`)
}

// Under the same jobId it may be sent again, as after a lost answer: it is the same job.
const submitted = answerOf(
  await api.POST('/ranoam/cm/v1/dataJob', {
    params: { query: DESTINATION === undefined ? {} : { destination: DESTINATION } },
    body: {
      jobId: JOB_ID,
      data: [
        { op: 'read', path: '/SubNetwork=Example/ManagedElement=1/Cell=7', operationId: 'cell-7', scopeType: 'BASE_SUBTREE' },
        { op: 'read', path: '/SubNetwork=Example/ManagedElement=2', operationId: 'element-2', attributes: ['userLabel'] },
      ],
    },
  }),
)
// With dryRun=true the answer is how the job would be split, and no job is there.
if (!('statusuri' in submitted)) throw new Error('no job was submitted')
console.log(`submitted: ${submitted.statusuri}`)

const path = { jobId: submitted.jobId }
let job: Schemas['Job']
for (;;) {
  job = answerOf(await api.GET('/ranoam/cm/v1/dataJob/{jobId}', { params: { path } }))
  if (ENDED.includes(job.status)) break
  await sleep(POLL_MS)
}
console.log(`${job.status}: ${job.counts.operations.succeeded} of ${job.counts.operations.total} operations succeeded`)

for (let cursor: string | null | undefined; cursor !== null;) {
  const query = cursor === undefined ? {} : { cursor }
  const page = answerOf(await api.GET('/ranoam/cm/v1/dataJob/{jobId}/results', { params: { path, query } }))
  // Events of a topic; of a bucket, objects with links.
  for (const item of page.items) console.log(JSON.stringify('value' in item ? item.value : item.url))
  cursor = page.next
}
