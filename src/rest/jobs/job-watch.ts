import type { VersionedJob } from '../../read-model/port.ts'
import type { JobDependencies } from '../dependencies.ts'

/** Hears of a job. Calls are synchronous. */
export interface JobFollower {
  /** The job as it is now; null when it is there no more. Some states may have been passed over. */
  changed(found: VersionedJob | null): void
  /** The job can't be read. Nothing more is heard. */
  failed(error: unknown): void
}

interface Watched {
  readonly followers: Set<JobFollower>
  latest: VersionedJob | null
  isReading: boolean
  /** How often the job is known to have changed. */
  changes: number
}

/** Tells followers of a job of its changes. However many follow it, a change is read once. */
export class JobWatch {
  readonly #deps: Pick<JobDependencies, 'readModel' | 'progress'>
  readonly #watched = new Map<string, Watched>()
  #stopListening: (() => void) | null = null

  constructor(deps: Pick<JobDependencies, 'readModel' | 'progress'>) {
    this.#deps = deps
  }

  /** The follower hears of the job as it is, soon, and then of its changes. Returns how to stop that. */
  follow(jobId: string, follower: JobFollower): () => void {
    this.#stopListening ??= this.#deps.progress.onChange((changed) => {
      this.#changed(changed)
    })
    const watched = this.#watched.get(jobId) ?? this.#watch(jobId)
    watched.followers.add(follower)
    if (watched.latest !== null) follower.changed(watched.latest)
    return () => {
      this.#leave(jobId, watched, follower)
    }
  }

  #watch(jobId: string): Watched {
    const watched: Watched = { followers: new Set(), latest: null, isReading: false, changes: 0 }
    this.#watched.set(jobId, watched)
    void this.#read(jobId, watched)
    return watched
  }

  #leave(jobId: string, watched: Watched, follower: JobFollower): void {
    watched.followers.delete(follower)
    if (watched.followers.size > 0 || this.#watched.get(jobId) !== watched) return
    this.#watched.delete(jobId)
    if (this.#watched.size > 0) return
    this.#stopListening?.()
    this.#stopListening = null
  }

  #changed(jobId: string): void {
    const watched = this.#watched.get(jobId)
    if (watched === undefined) return
    watched.changes += 1
    if (!watched.isReading) void this.#read(jobId, watched)
  }

  async #read(jobId: string, watched: Watched): Promise<void> {
    watched.isReading = true
    try {
      for (let read = -1; read !== watched.changes; ) {
        read = watched.changes
        const found = (await this.#deps.readModel.versionedJob(jobId)) ?? null
        watched.latest = found
        for (const follower of [...watched.followers]) follower.changed(found)
      }
    } catch (error) {
      for (const follower of [...watched.followers]) follower.failed(error)
    }
    watched.isReading = false
  }
}
