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

// Control characters break logs, headers and terminals; everything else a client may choose.
const JOB_ID = /^[^\p{Cc}]{1,256}$/u

export function isJobId(text: string): text is JobId {
  return text.length <= JOB_ID_LENGTH_MAX && JOB_ID.test(text)
}

/** Takes a text that is known to be a job id: read back from a record of ours, or checked by {@link isJobId}. */
export function jobId(text: string): JobId {
  if (!isJobId(text)) throw new Error(`a job id has 1 to ${JOB_ID_LENGTH_MAX} characters, none of them control characters`)
  return text
}

export function subjobId(job: JobId, index: number): SubjobId {
  return `${job}/${index}` as SubjobId
}

export function producerKey(service: string, dataProducerId: string): ProducerKey {
  return `${service}#${dataProducerId}` as ProducerKey
}
