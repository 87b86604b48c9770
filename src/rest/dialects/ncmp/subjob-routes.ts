/** `/dataJob/{jobId}/subjobs`: what a job was split into, how far each part is, and why it is no further. */
import type { FastifyInstance } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { clientSecurity } from '../../docs.ts'
import { clip, Refusal } from '../../errors.ts'
import { answer, errorAnswer, refTo, unavailableAnswer } from '../../schemas.ts'
import { BEHIND, tellLag } from './lag-header.ts'
import type { NcmpOptions } from './options.ts'
import { errorExamples, jobParamsSchema } from './schemas.ts'
import { subjobAnswer, subjobStatusesBehind } from './subjob-mapping.ts'
import { subjobListSchema, subjobSchema, subjobsQuerySchema } from './subjob-schemas.ts'

const DESCRIPTION = `
A job is split by producer, and a producer with many operations gets several subjobs. All of them are listed from the split
on, also those that have to wait, with every attempt, and with what each one still waits for. A large job is split piece by
piece: while its \`counts.subjobs.total\` grows, more follow.
`

export function addSubjobs(app: FastifyInstance, { deps, lookup }: NcmpOptions): void {
  for (const schema of [subjobSchema, subjobListSchema]) app.addSchema(schema)
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.get('/dataJob/:jobId/subjobs', {
    schema: {
      tags: ['Data jobs'],
      operationId: 'listSubjobs',
      summary: 'List what a job was split into',
      description: DESCRIPTION,
      security: clientSecurity(deps.auth),
      params: jobParamsSchema,
      querystring: subjobsQuerySchema,
      response: {
        200: answer(refTo(subjobListSchema), 'One page of subjobs', BEHIND),
        400: errorAnswer('A parameter is unknown or can’t be read', errorExamples.badParameter),
        404: errorAnswer('There is no such job, or it ended long ago', errorExamples.notFound),
        503: unavailableAnswer('Whether there is such a job can’t be said now'),
      },
    },
    handler: async (request, reply) => {
      const { jobId } = request.params
      const { status, limit, cursor } = request.query
      request.jobId = jobId
      const page = { limit, after: subjobCursorOf(cursor), statuses: subjobStatusesBehind(status) }
      const { job, items, unended, next } = await lookup.subjobs(jobId, page)
      await tellLag(reply, lookup)
      const context = { job, unended, now: deps.clock.now() }
      return { items: items.map((row) => subjobAnswer(row, context)), next: next === null ? null : formatSubjobCursor(next) }
    },
  })
}

function formatSubjobCursor(index: number): string {
  return Buffer.from(String(index)).toString('base64url')
}

function subjobCursorOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const index = Buffer.from(text, 'base64url').toString('latin1')
  if (/^\d{1,10}$/.test(index) && formatSubjobCursor(Number(index)) === text) return Number(index)
  const details = 'Use the "next" of the page before as it is.'
  throw new Refusal(400, `query cursor: "${clip(text)}" is not a cursor`, { details })
}
