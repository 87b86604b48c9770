/** The jobs of a workspace as a list, under all filters of the standard. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { formatJobCursor, type JobCursor } from '../../../read-model/job-cursor.ts'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { answer } from '../../schemas.ts'
import { exceptionOf } from './exceptions.ts'
import { jobFilterOf, pageRequestOf } from './job-list-query.ts'
import { type JobListQuery, jobListQuerySchema, jobListSchema } from './job-list-schemas.ts'
import { statusInfoOf } from './job-mapping.ts'
import type { BaseOptions } from './options.ts'
import { exceptionAnswer, type Link, workspaceParamsSchema } from './schemas.ts'

const path = '/east/ogc-api/jobs'
const badStatus = exceptionOf(
  new Refusal(400, 'query status: "done" is not one of accepted, running, successful, failed, dismissed'),
  path,
)
const away = exceptionOf(new Refusal(503, 'The status of jobs cannot be read now'), path)

export function addJobList(app: FastifyInstance, { deps, rootOf, lookup }: BaseOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.get('/jobs', {
    schema: {
      tags: ['Jobs'],
      security: clientSecurity(deps.auth),
      params: workspaceParamsSchema,
      operationId: 'getJobs',
      summary: 'List the jobs of the workspace, the newest first',
      description: 'Those that satisfy all filters given. A job that has not started has no duration.',
      querystring: jobListQuerySchema,
      response: {
        200: answer(jobListSchema, 'One page of jobs'),
        400: exceptionAnswer('A parameter can’t be read, or is not known', badStatus),
        503: exceptionAnswer('Jobs can’t be read now; Retry-After says when to ask again', away),
      },
    },
    handler: async (request) => {
      const { workspace } = request.params
      const root = rootOf(request, workspace)
      const filter = jobFilterOf(request.query, workspace, deps.clock.now())
      const requested = pageRequestOf(request.query)
      await lookup.settle()
      const page = await lookup.list(filter, requested)
      const reports = await lookup.reports(page.items)
      const isWhole = page.next === null && page.previous === null
      return {
        jobs: page.items.map((job) => statusInfoOf(job, root, reports.get(job.jobId))),
        links: linksOf(request.query, page, `${root}/jobs`),
        numberTotal: isWhole ? page.items.length : await lookup.count(filter),
      }
    },
  })
}

interface Neighbours {
  readonly next: JobCursor | null
  readonly previous: JobCursor | null
}

function linksOf(query: JobListQuery, { next, previous }: Neighbours, list: string): Link[] {
  const { after, before, ...filters } = query
  const linkTo = (rel: string, title: string, place: Partial<JobListQuery>): Link => {
    const parameters = Object.entries({ ...filters, ...place }).flatMap(([name, value]) =>
      [value].flat().map((each): [string, string] => [name, String(each)]),
    )
    return { href: `${list}?${new URLSearchParams(parameters).toString()}`, rel, type: 'application/json', title }
  }
  const place = { ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) }
  const links = [linkTo('self', 'This page', place)]
  if (next !== null) links.push(linkTo('next', 'The next page', { after: formatJobCursor(next) }))
  if (previous !== null) links.push(linkTo('prev', 'The previous page', { before: formatJobCursor(previous) }))
  return links
}
