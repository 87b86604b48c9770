import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Installation } from '../../test/harness/installation.ts'
import { LARGE_RESULT_SETTINGS, LargeResults } from '../../test/harness/large-result.ts'
import type { Figure } from '../harness/figures.ts'
import { MIB } from '../harness/process-probe.ts'
import { type Bench, paired, type Scenario, sized } from '../harness/scenario.ts'

const PIECE = Buffer.alloc(64 * 1024, 'abcdefghijklmnopqrstuvwxyz0123456789')

/** A result that no memory should hold. */
export const s3: Scenario = {
  name: 's3',
  about:
    'One result of 1 GiB from a plugin into a bucket, from the submission to the end of the job; and as many bytes from a server ' +
    'through minio’s client alone.',
  async measure(bench: Bench): Promise<readonly Figure[]> {
    const bytes = sized(bench, 1_024, 8) * MIB
    const installation = await Installation.open('s3', await bench.stack(), LARGE_RESULT_SETTINGS)
    const results = await LargeResults.open(installation)
    const bucket = await installation.bucket('bare')
    const above: number[] = []
    const ours = async (size: number): Promise<number> => {
      const { seconds, idleBytes, peakBytes, status } = await results.measure('tree', size)
      if (status !== 'FINISHED') throw new Error(`the job is ${status}`)
      above.push((peakBytes - idleBytes) / MIB)
      return size / MIB / seconds
    }
    const bare = async (size: number): Promise<number> => {
      const begun = performance.now()
      await copied(installation, bucket, size)
      return size / MIB / ((performance.now() - begun) / 1_000)
    }
    try {
      await ours(Math.min(bytes, 64 * MIB))
      await bare(Math.min(bytes, 64 * MIB))
      above.length = 0
      const all = await paired(bench, () => ours(bytes), () => bare(bytes))
      const memory = { unit: 'MiB above idle', peer: [], peerName: null, target: { type: 'number', atMost: 100 } } as const
      return [
        { ...all, scenario: 's3', unit: 'MiB/s', peerName: 'minio client', target: { type: 'timesPeer', atLeast: 0.8 } },
        { ...memory, scenario: 's3.memory', ours: above },
      ]
    } finally {
      await installation.close()
      await results.close()
    }
  },
}

/** A server's answer of so many bytes, into a bucket. */
async function copied({ s3: store }: Installation, bucket: string, bytes: number): Promise<void> {
  const pieces = bytes / PIECE.length
  const server = createServer((_, response) => {
    void pipeline(Readable.from(repeated(pieces)), response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, host: '127.0.0.1' }, resolve).once('error', reject)
  })
  await store.putObject(bucket, 'bare', answer, bytes)
  await new Promise((resolve) => server.close(resolve))
}

function* repeated(pieces: number): Generator<Buffer> {
  for (let n = 0; n < pieces; n += 1) yield PIECE
}
