/** All checks, in order of their price. Ends with the counts that CI reads; the exit code is 1 when anything failed. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Of the file that vitest's JSON reporter writes: what is read here. */
interface Report {
  readonly numPassedTests?: number
  readonly numFailedTests?: number
  readonly numPendingTests?: number
  readonly numTodoTests?: number
  readonly testResults?: readonly { readonly name: string; readonly message?: string; readonly assertionResults: readonly Assertion[] }[]
}

interface Assertion {
  readonly fullName: string
  readonly status: string
  readonly failureMessages?: readonly string[]
}

interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** A test runner's own report, instead of one count for the exit code. */
  readonly reports?: true
}

const checks: readonly Check[] = [
  { name: 'types', command: ['tsc', '--project', '.'] },
  { name: 'types of the examples', command: ['tsc', '--project', 'examples'] },
  { name: 'lint', command: ['eslint', '.', '--max-warnings', '0'] },
  { name: 'layers', command: ['depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'stack', 'scripts'] },
  { name: 'unused', command: ['knip'] },
  { name: 'docs', command: ['node', 'scripts/docs.ts', '--check'] },
  { name: 'unit, property, simulation', command: ['vitest', 'run', '--config', 'vitest.config.ts'], reports: true },
  { name: 'contract, integration, chaos', command: ['vitest', 'run', '--config', 'vitest.stack.config.ts'], reports: true },
]

/** Of each failure, when it is told again. */
const MESSAGE_LINES_MAX = 30

const folder = await mkdtemp(join(tmpdir(), 'datajob-verify-'))
const failures: string[] = []
let total: Counts = { passed: 0, failed: 0, skipped: 0 }
for (const check of checks) {
  const startedAt = performance.now()
  const counts = await run(check)
  total = add(total, counts)
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(`${counts.failed === 0 ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)`)
}
await rm(folder, { recursive: true })
// Again, and last: who has only the end of the output still sees what failed, and with which seed.
if (failures.length > 0) console.log(`\n${failures.join('\n\n')}\n`)
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exitCode = total.failed === 0 ? 0 : 1

async function run({ name, command, reports }: Check): Promise<Counts> {
  console.log(`\n— ${name}`)
  const file = join(folder, 'report.json')
  const [program, ...words] = command
  const extra = reports === true ? ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`] : []
  const exitCode = await exitCodeOf(program, [...words, ...extra])
  if (reports !== true) return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
  const counts = await reported(file)
  await rm(file, { force: true })
  // A suite that could not even be loaded, or a leaked error, fails the run without a failed test.
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

function exitCodeOf(program: string, words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', (code) => {
      resolve(code ?? 1)
    })
  })
}

async function reported(file: string): Promise<Counts> {
  try {
    const report = JSON.parse(await readFile(file, 'utf8')) as Report
    failures.push(...failuresOf(report))
    const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0 } = report
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

function failuresOf({ testResults = [] }: Report): readonly string[] {
  return testResults.flatMap(({ name, message = '', assertionResults }) => [
    ...(message === '' ? [] : [`failed: ${name}\n${beginningOf(message)}`]),
    ...assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages = [] }) => `failed: ${name}: ${fullName}\n${beginningOf(failureMessages.join('\n'))}`),
  ])
}

function beginningOf(message: string): string {
  return message.split('\n').slice(0, MESSAGE_LINES_MAX).join('\n')
}

function add(one: Counts, other: Counts): Counts {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed, skipped: one.skipped + other.skipped }
}
