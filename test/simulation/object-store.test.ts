import { describe } from 'vitest'
import { exerciseObjectStore } from '../contract/object-store.ts'
import { SimulatedBucket, storeObject } from './bucket.ts'
import { LostMessage, Network } from './network.ts'
import { letSchedulerRun } from './passing-time.ts'
import { SimulatedProcess } from './process.ts'
import { Scheduler } from './scheduler.ts'

describe('in simulated time', () => {
  const scheduler = new Scheduler(1_000_000)
  letSchedulerRun(scheduler)

  exerciseObjectStore('in the simulation', () => {
    const bucket = new SimulatedBucket(scheduler)
    const process = new SimulatedProcess('contract', scheduler)
    const lost = (): Error => new LostMessage()
    const bucketNetwork = new Network({ random: () => 0.5, delayMinMs: 2, delayMaxMs: 10, timeoutMs: 1_000, lost })
    return Promise.resolve({
      store: (key, body) => storeObject({ process, bucket, bucketNetwork }, { key, body, begunAt: scheduler.now() }),
      read: (prefix) => {
        const found = bucket.list(prefix).map(({ key, body, etag, writtenAt }) => {
          return { key, bytes: Buffer.byteLength(body), etag, storedAt: writtenAt, value: body }
        })
        return Promise.resolve(found)
      },
      loseNextAnswer: () => {
        process.decideNext({ answerDelayMs: null })
      },
      setAway: (isAway) => {
        bucketNetwork.isDown = isAway
      },
    })
  })
})
