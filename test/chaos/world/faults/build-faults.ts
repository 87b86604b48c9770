/** Another build of the service at work beside this one. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { World } from '../world.ts'
import type { Fault } from './fault.ts'
import { during } from './victims.ts'

const ROOT = join(import.meta.dirname, '../../../..')
/** So many commits ago, but not before builds could read what this one writes to its changelogs, and hold jobs as it does. */
const AGO = 25
const READABLE_SINCE = 'ff88417'
const READY_MS_MAX = 30_000

const run = promisify(execFile)

/** Each process but the first is replaced by one of the earlier build, and in the end by one of this build again. */
const rolling: Fault = {
  kind: 'two builds at once',
  detail: '',
  run: async ({ world, chaos, stop }) => {
    const commit = await earlierCommit()
    const program = await earlierBuild(world, commit)
    for (const slot of world.slots.slice(1)) {
      await slot.replace({ program })
      await slot.ready(READY_MS_MAX).catch(() => undefined)
    }
    const ms = chaos.between(3_000, 8_000)
    await during(ms, stop)
    // Ended as an operator does it.
    for (const slot of world.slots.slice(1)) await slot.restart()
    return `${commit} for ${ms} ms`
  },
}

async function earlierCommit(): Promise<string> {
  const range = `${READABLE_SINCE}~1..HEAD~1`
  const { stdout } = await run('git', ['rev-list', '--abbrev-commit', `--max-count=${AGO}`, range], { cwd: ROOT })
  return stdout.trim().split('\n').at(-1) ?? READABLE_SINCE
}

/** bin/datajob.js of that commit, with the packages of this tree. */
async function earlierBuild({ folder }: World, commit: string): Promise<string> {
  const tree = join(folder, `build-${commit}`)
  const program = join(tree, 'bin/datajob.js')
  if (existsSync(program)) return program
  const archive = join(folder, `${commit}.tar`)
  mkdirSync(tree, { recursive: true })
  await run('git', ['archive', '--output', archive, commit, 'bin', 'src', 'stack', 'schemas', 'package.json'], { cwd: ROOT })
  await run('tar', ['-xf', archive, '-C', tree])
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  return program
}

export const buildFaults: readonly Fault[] = [rolling]
