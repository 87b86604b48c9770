import { weightOf } from '../domain/share.ts'
import { FairShare } from './fair-share.ts'

/** A job as those see it who share something with it. */
export interface SharingJob {
  readonly jobId: string
  readonly tenant: string
  readonly priority: number
}

/**
 * Whose turn is next among jobs that wait for the same: tenants have equal shares, and a tenant's jobs share what it gets by their
 * priorities (src/domain/share.ts). So many jobs of one tenant take nothing from another's.
 */
export class JobShares {
  readonly #tenants = new FairShare()
  readonly #jobsOf = new Map<string, FairShare>()

  enter({ jobId, tenant, priority }: SharingJob): void {
    const known = this.#jobsOf.get(tenant)
    const jobs = known ?? new FairShare()
    if (known === undefined) this.#jobsOf.set(tenant, jobs)
    jobs.enter(jobId, weightOf(priority))
    this.#tenants.enter(tenant, 1)
  }

  leave({ jobId, tenant }: SharingJob): void {
    const jobs = this.#jobsOf.get(tenant)
    if (jobs === undefined) return
    jobs.leave(jobId)
    if (!jobs.idle) return
    this.#jobsOf.delete(tenant)
    this.#tenants.leave(tenant)
  }

  /** The job whose turn it is; undefined when none waits. */
  next(): string | undefined {
    const tenant = this.#tenants.next()
    return tenant === undefined ? undefined : this.#jobsOf.get(tenant)?.next()
  }

  /** A job that waits was given that much. */
  give({ jobId, tenant }: SharingJob, amount: number): void {
    this.#jobsOf.get(tenant)?.give(jobId, amount)
    this.#tenants.give(tenant, amount)
  }
}
