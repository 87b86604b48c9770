import type { FastifyReply } from 'fastify'
import type { JobLookup } from '../../jobs/job-lookup.ts'

const BEHIND_HEADER = 'datajob-records-behind'

/** For a route's description. */
export const BEHIND = { [BEHIND_HEADER]: 'Records written to Kafka that the answer may lack, or `unknown`; left out at none' }

export async function tellLag(reply: FastifyReply, lookup: JobLookup): Promise<void> {
  const behind = await lookup.recordsBehind()
  if (behind !== 0) reply.header(BEHIND_HEADER, behind ?? 'unknown')
}
