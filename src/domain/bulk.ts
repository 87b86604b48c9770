/** Commands about all jobs that satisfy some conditions, as one message each. */

export type BulkAction = 'cancel' | 'requeue'

/** Something that lists search jobs by is any of these texts or numbers, or within bounds that are both in. */
export interface JobCondition {
  readonly facet: string
  readonly texts: readonly string[] | null
  readonly numbers: readonly number[] | null
  readonly atLeast: number | null
  readonly atMost: number | null
}

/** On `bulk`: a command about each job that satisfies all conditions when it is its turn. */
export interface CommandJobs {
  readonly type: 'CommandJobs'
  readonly commandId: string
  readonly action: BulkAction
  readonly conditions: readonly JobCondition[]
  readonly requestedBy: string | null
  /** The client's bearer token, for producers of what is requeued. Not to be shown or logged. */
  readonly authorization: string | null
  /** Of what is requeued, from then on; null leaves it as it is. */
  readonly priority: number | null
}

/** In the changelog of what carries it out: jobs up to this one, by `Job.number`, have their commands; others have none yet. */
export interface JobsCommanded {
  readonly type: 'JobsCommanded'
  readonly commandId: string
  readonly number: number
}
