/** A DMI plugin on node:http alone: it takes subjobs in, pretends to work on them for a while, and hands the results out. */
import { createServer, type IncomingMessage } from 'node:http'

type Answer = readonly [httpStatus: number, body: object]
type Operation = Readonly<Record<'op' | 'path', string>> & { readonly operationId: string | number }
interface Job {
  readonly operations: readonly Operation[]
  status: 'RUNNING' | 'FINISHED' | 'CANCELLED'
}

const WORK_MS = Number(process.env['WORK_MS'] ?? 1_000)
const CALL = /^\/dmi\/v1\/dataJob\/[^/]+\/(?:(?<submit>read|write)Job|dataProducerJob\/(?<id>[^/]+?)(?:\/(?<about>status|result))?)$/

// In memory, for as long as the process lives; one that lives long forgets jobs some time after their end.
const jobs = new Map<string, Job>()
const idsByKey = new Map<string, string>()

/** A submission that comes again, as after a lost answer, has the same Idempotency-Key: it is the job that there is. */
function submit(operations: readonly Operation[], key: string): string {
  const known = idsByKey.get(key)
  if (known !== undefined) return known
  const id = crypto.randomUUID()
  const job: Job = { operations, status: 'RUNNING' }
  jobs.set(id, job)
  idsByKey.set(key, id)
  setTimeout(() => {
    if (job.status === 'RUNNING') job.status = 'FINISHED'
  }, WORK_MS)
  return id
}

function responseOf({ operationId, op, path }: Operation, isDone: boolean): object {
  const outcome = isDone ? { statusCode: 0, statusMessage: 'Successfully applied changes' } : { statusCode: 104, statusMessage: 'REJECTED' }
  return { operationId, ...outcome, request: { op, path }, result: isDone && op === 'read' ? { id: path, attributes: {} } : {} }
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const { submit: kind, id = '', about } = CALL.exec((request.url ?? '').replace(/\?.*/, ''))?.groups ?? {}
  if (kind !== undefined && request.method === 'POST') {
    const { data } = JSON.parse((await request.setEncoding('utf8').toArray()).join('')) as { readonly data: readonly Operation[] }
    if (!Array.isArray(data)) throw new TypeError('data is no list of operations')
    return [200, { dataProducerJobId: submit(data, String(request.headers['idempotency-key'] ?? crypto.randomUUID())) }]
  }
  const job = jobs.get(id)
  if (job === undefined) return [404, { message: 'no such job' }]
  if (about === 'status') return [200, { status: job.status }]
  if (about === 'result') return [200, { data: { responses: job.operations.map((each) => responseOf(each, job.status === 'FINISHED')) } }]
  if (request.method === 'DELETE' && job.status === 'RUNNING') job.status = 'CANCELLED'
  return [200, { status: job.status }]
}

const server = createServer((request, response) => {
  const refused = (error: unknown): Answer => [400, { message: String(error) }]
  void answer(request).catch(refused).then(([httpStatus, body]) => {
    response.writeHead(httpStatus, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
})
server.listen(Number(process.env['PORT'] ?? 8_300), '127.0.0.1', () => {
  console.log('listens on', server.address())
})
