/** Identifiers are branded, so that one cannot stand where another is meant. */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** Names a data job: the client's own or ours; opaque, 1 to 256 characters. */
export type JobId = Branded<'JobId'>

/** Names a subjob on every instance and over every retry: `{jobId}/{index}`. */
export type SubjobId = Branded<'SubjobId'>

/** Whose work a subjob is: `{dmi service}#{data producer}`; the part behind the `#` may be empty. */
export type ProducerKey = Branded<'ProducerKey'>

export const JOB_ID_LENGTH_MAX = 256

// Control characters break logs, headers and terminals, half a surrogate pair comes back from a record as something else;
// everything else a client may choose.
const JOB_ID = /^[^\p{Cc}]{1,256}$/u

export function isJobId(text: string): text is JobId {
  return text.length <= JOB_ID_LENGTH_MAX && JOB_ID.test(text) && text.isWellFormed()
}

/** What a refusal of a job id says. */
export const JOB_ID_RULE = `a job id has 1 to ${JOB_ID_LENGTH_MAX} characters, none of them a control character or half a surrogate pair`

/** Takes a text that is known to be a job id: read back from a record of ours, or checked by {@link isJobId}. */
export function jobId(text: string): JobId {
  if (!isJobId(text)) throw new Error(JOB_ID_RULE)
  return text
}

export function subjobId(job: JobId, index: number): SubjobId {
  return `${job}/${index}` as SubjobId
}

export function producerKey(service: string, dataProducerId: string): ProducerKey {
  return `${service}#${dataProducerId}` as ProducerKey
}
