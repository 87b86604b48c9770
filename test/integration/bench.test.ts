/** The benchmarks in their smallest form: that they run and measure something. What they measure is nobody's business here. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { JudgedFigure } from '../../bench/harness/figures.ts'
import { asEnvironment } from '../../stack/stack.ts'
import { givenStack } from '../harness/given-stack.ts'

const BENCH = join(import.meta.dirname, '../../bench/run.ts')
const folder = mkdtempSync(join(tmpdir(), 'datajob-bench-test-'))

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function bench(args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const { PATH = '', HOME = '' } = process.env
  const stack = asEnvironment({ ...givenStack(), s3Region: 'us-east-1' })
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BENCH, ...args], { env: { PATH, HOME, ...stack } })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += String(piece)))
    child.once('error', reject)
    child.once('exit', (code) => {
      resolve({ code, said })
    })
  })
}

it('every scenario runs in its tiny form and has its figures', { timeout: 900_000 }, async () => {
  const file = join(folder, 'figures.json')
  const { code, said } = await bench(['--tiny', '--json', file])
  expect(code, said).toBe(0)
  const figures = JSON.parse(readFileSync(file, 'utf8')) as readonly JudgedFigure[]
  const names = figures.map(({ scenario }) => scenario.split('.')[0])
  expect([...new Set(names)]).toEqual([
    ...['subjobs', 'small', 'large', 'in-flight', 'restart', 'growth', 'scale-out', 'neighbours', 'status', 'scale-list', 's3'],
    ...['inventory', 'idle'],
  ])
  for (const { scenario, ours, runs } of figures) expect([typeof ours, runs.ours.length], scenario).toEqual(['number', 1])
})

it('a scenario that there is none of is refused, and those that there are are named', async () => {
  const { code, said } = await bench(['largest'])
  expect(code).toBe(1)
  expect(said).toContain('there is no scenario largest; there are subjobs, small, large, in-flight')
})
