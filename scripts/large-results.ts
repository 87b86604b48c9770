/**
 * Streams results of `--mib N` (1024) each through the service into a bucket of a stack of its own, and says how much memory the
 * service takes above what it has idle. The exit code is 1 when that is 100 MiB or more, or an object is not what was sent.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureStack, stopStack } from '../stack/stack.ts'
import { Installation } from '../test/harness/installation.ts'
import { LARGE_RESULT_SETTINGS, type LargeResult, LargeResults, SHAPES } from '../test/harness/large-result.ts'

const MIB = 1024 * 1024
const ABOVE_IDLE_MIB_MAX = 100
const WARM_UP_MIB = 50

const { values } = parseArgs({ options: { mib: { type: 'string', default: '1024' } } })
const mib = Number(values.mib)
if (!Number.isSafeInteger(mib) || mib < 1 || mib > 10_000) throw new Error('--mib is a whole number from 1 to 10000')

function isWhole({ status, stored, expected }: LargeResult): boolean {
  return status === 'FINISHED' && stored.bytes === expected.bytes && stored.sha256 === expected.sha256
}

const folder = await mkdtemp(join(tmpdir(), 'datajob-large-results-'))
try {
  const stack = await ensureStack({ folder, lifetime: 'process' })
  const installation = await Installation.open('large', stack, LARGE_RESULT_SETTINGS)
  const results = await LargeResults.open(installation)
  try {
    for (const shape of SHAPES) await results.measure(shape, WARM_UP_MIB * MIB)
    for (const shape of SHAPES) {
      const result = await results.measure(shape, mib * MIB)
      const idle = Math.round(result.idleBytes / MIB)
      const above = Math.round((result.peakBytes - result.idleBytes) / MIB)
      const stored = isWhole(result) ? 'stored whole' : `NOT STORED WHOLE: ${result.status} ${result.message ?? ''}`
      console.log(`${shape}: ${mib} MiB in ${result.seconds.toFixed(1)} s, ${idle} MiB idle, at most ${above} MiB above, ${stored}`)
      if (!isWhole(result) || above >= ABOVE_IDLE_MIB_MAX) process.exitCode = 1
    }
  } finally {
    await installation.close()
    await results.close()
  }
} finally {
  await stopStack({ folder, discard: true })
  await rm(folder, { recursive: true, force: true })
}
