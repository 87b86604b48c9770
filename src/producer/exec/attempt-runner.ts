/** Starts attempts: makes their folders and environments, and lets the operating system run them. */
import { admit, type Demand, findProgram } from './allow-list.ts'
import { outputPrefix } from './bucket.ts'
import { attemptFolder, makeAttemptFolder } from './attempt-folder.ts'
import type { Allotment } from './capacity.ts'
import { CommandRun, type RunParts } from './command-run.ts'
import type { CwlRunner } from './cwl-runner.ts'
import type { ExecConfig } from './exec-config.ts'
import { type CommandEnd, endOf } from './exec-result.ts'
import type { ExecOperation } from './exec-store.ts'
import type { MemoryWatch } from './memory-watch.ts'

export interface AttemptParts extends RunParts {
  readonly config: ExecConfig
  readonly cwl: CwlRunner | null
  /** Null where a control group limits memory. */
  readonly memoryWatch: MemoryWatch | null
}

export interface AttemptOrder {
  readonly id: string
  readonly jobId: string
  readonly index: number
  readonly attempt: number
  readonly marker: string
  readonly operation: ExecOperation
  readonly demand: Demand
  readonly allotment: Allotment
  /** Hears of the command once it runs, to be able to end it. */
  readonly onStart: (run: CommandRun) => void
}

interface Prepared {
  readonly file: string
  readonly arguments: readonly string[]
  readonly stdin: string
  readonly files: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string>>
}

type Preparation = { readonly ok: true; readonly prepared: Prepared } | { readonly ok: false; readonly reason: string }

/** What a command has for an environment, before anybody says more. Never the producer's own. */
const PLAIN_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' }

/** What the operator gives all commands. */
export function sharedEnvironment(config: ExecConfig): Readonly<Record<string, string>> {
  return { ...PLAIN_ENVIRONMENT, ...config.environment }
}

/** Runs an attempt to its end, of which nothing is left then. Never rejects. */
export async function runAttempt(parts: AttemptParts, order: AttemptOrder): Promise<CommandEnd> {
  const { config, clock, memoryWatch } = parts
  try {
    const folder = attemptFolder(config.dataFolder, order)
    const preparation = await prepare(parts, order)
    if (!preparation.ok) return endOf('refused', clock.now(), preparation.reason)
    const { prepared } = preparation
    const user = config.user ?? null
    makeAttemptFolder(folder, { ...prepared, user })
    const { fileMB, openFiles } = config.limits
    const launch = { ...prepared, demand: order.demand, allotment: order.allotment, fileMB, openFiles, user }
    const own = { HOME: folder.work, TMPDIR: folder.temporary }
    const said = {
      ...{ DATAJOB_JOB_ID: order.jobId, DATAJOB_OPERATION_ID: String(order.operation.operationId) },
      ...{ DATAJOB_ATTEMPT: String(order.attempt), DATAJOB_PROGRESS: folder.progress },
      ...placeOfOutputs(config.bucket, order),
    }
    const environment = { ...own, ...prepared.environment, ...said }
    const run = new CommandRun(parts, { launch, marker: order.marker, folder, environment })
    memoryWatch?.watch(run)
    order.onStart(run)
    return await run.ended
  } catch (error) {
    return endOf('not started', clock.now(), error instanceof Error ? error.message : String(error))
  }
}

function placeOfOutputs(bucket: string | undefined, order: AttemptOrder): Readonly<Record<string, string>> {
  if (bucket === undefined) return {}
  return { DATAJOB_OUTPUT_URI: `s3://${bucket}/${outputPrefix(order.operation.request.prefix, order)}` }
}

async function prepare({ config, cwl }: AttemptParts, { operation, attempt, id, index }: AttemptOrder): Promise<Preparation> {
  const { request } = operation
  const admission = admit(request, config)
  if (!admission.ok) return admission
  const shared = sharedEnvironment(config)
  if (request.type === 'command') {
    const found = findProgram(request, config.programs)
    if (!found.ok) return found
    const { program, arguments: words } = found.call
    const environment = { ...PLAIN_ENVIRONMENT, ...request.environment, ...config.environment, ...program.environment }
    const { stdin = '', files = {} } = request
    return { ok: true, prepared: { file: program.path, arguments: words, stdin, files, environment } }
  }
  if (cwl === null) return { ok: false, reason: 'CWL does not run here: cwl.runner is not configured' }
  const checked = await cwl.check(request)
  if (!checked.ok) return checked
  const { temporary } = attemptFolder(config.dataFolder, { id, index, attempt })
  const line = cwl.commandLine(temporary)
  const environment = { ...shared, ...request.environment, ...config.environment, PATH: cwl.environment['PATH'] ?? shared['PATH'] ?? '' }
  return { ok: true, prepared: { ...line, stdin: '', files: await cwl.files(request), environment } }
}
