import { createHash } from 'node:crypto'
import type { SubmitJob } from '../domain/messages.ts'
import type { Operation } from '../domain/operation.ts'

/** What makes two submissions ask for the same, beside their operations. */
export type AskedTerms = Pick<
  SubmitJob,
  'tenant' | 'kind' | 'destination' | 'dataAcceptType' | 'dataContentType' | 'dependencies' | 'groups' | 'strict'
>

/**
 * SHA-256 in hex over what a submission asks for: a line of JSON for each operation in their order, then one for all else.
 * Who asks, when, how urgently and under which id is not in it, nor how the operations were cut into records. Values and
 * options count as the texts they came as.
 */
export class SubmissionDigest {
  readonly #hash = createHash('sha256')

  add({ operationId, op, path, value, options }: Operation): void {
    this.#hash.update(`${JSON.stringify([operationId, op, path, value, options])}\n`)
  }

  finish({ tenant, kind, destination, dataAcceptType, dataContentType, dependencies, groups, strict }: AskedTerms): string {
    const parents = dependencies.map((dependency) => [dependency.operationId, dependency.parents])
    const terms = [tenant, kind, destination ?? '', dataAcceptType, dataContentType, parents, strict]
    const steps = groups.map(({ operations, after, retries, retryIntervalMs, generates }) => {
      // Of one without retries, and that generates nothing, it is what it was before there were any.
      const tries = retries === 0 ? [operations, after] : [operations, after, retries, retryIntervalMs]
      return generates ? [...tries, generates] : tries
    })
    // Of a job without groups it is what it was before there were any.
    return this.#hash.update(JSON.stringify(steps.length === 0 ? terms : [...terms, steps])).digest('hex')
  }
}

export function digestOf(asked: AskedTerms & Pick<SubmitJob, 'operations'>): string {
  const digest = new SubmissionDigest()
  for (const operation of asked.operations) digest.add(operation)
  return digest.finish(asked)
}
