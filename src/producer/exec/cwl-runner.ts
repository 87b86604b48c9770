/** Asks cwltool what a document is, and says how it is run. cwltool is the operator's: it is never fetched. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Turnstile } from '../../runtime/turnstile.ts'
import type { AdmissionRules } from './allow-list.ts'
import { type CwlCheck, checkCwl } from './cwl-check.ts'
import type { CommandUser, CwlConfig, ExecConfig } from './exec-config.ts'
import type { CwlRequest } from './exec-request.ts'
import { launchLine } from './launch-line.ts'
import type { LimitTools } from './machine.ts'
import { MARKER_VARIABLE } from './processes.ts'

/** A document in one piece, which refers to nothing else any more; what is to run is its `main`. */
type Packed = { readonly ok: true; readonly document: string } | { readonly ok: false; readonly reason: string }

export interface CwlRunnerParts {
  readonly rules: AdmissionRules & Pick<ExecConfig, 'user'>
  /** Where programs on the list are put under their names, so that tools find them first; and scratch files. */
  readonly folder: string
  /** What every command here has. */
  readonly environment: Readonly<Record<string, string>>
  readonly tools: LimitTools
}

const PACK_MS_MAX = 60_000
const PACK_DEMAND = { cores: 1, memoryMB: 1_024, timeoutSeconds: PACK_MS_MAX / 1_000, outputBytes: 0 }
const PACK_FILE_MB = 64
const PACK_OPEN_FILES = 256
const PACKED_BYTES_MAX = 16 * 2 ** 20
const REMEMBERED_MAX = 100
const SHOWN_MAX = 500

export const CWL_PACKAGE = 'package.cwl'
export const CWL_INPUTS = 'inputs.json'
export const CWL_OUTPUTS = 'out'

export class CwlRunner {
  readonly #config: CwlConfig
  readonly #rules: AdmissionRules
  readonly #folder: string
  readonly #environment: Readonly<Record<string, string>>
  readonly #user: CommandUser | null
  readonly #tools: LimitTools
  /** Checks are no commands, and take no room of theirs: one at a time. */
  readonly #turnstile = new Turnstile()
  /** By the documents' digests, oldest first. */
  readonly #packed = new Map<string, Promise<Packed>>()

  constructor(config: CwlConfig, { rules, folder, environment, tools }: CwlRunnerParts) {
    this.#config = config
    this.#rules = rules
    this.#folder = folder
    this.#user = rules.user ?? null
    this.#tools = tools
    mkdirSync(folder, { recursive: true })
    const { PATH: path = '' } = environment
    const places = config.programs === 'listed' ? `${this.#makePrograms(path)}:${path}` : path
    this.#environment = { ...environment, PATH: places }
  }

  /** What its commands are started with. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment
  }

  /** Whether the document can run here, and what it needs. */
  async check(request: CwlRequest): Promise<CwlCheck> {
    const packed = await this.#pack(request)
    return packed.ok ? checkCwl(JSON.parse(packed.document), this.#rules) : packed
  }

  /** The files that a run of it needs in its working directory; only of what was checked. */
  async files(request: CwlRequest): Promise<Readonly<Record<string, unknown>>> {
    const packed = await this.#pack(request)
    if (!packed.ok) throw new Error(packed.reason)
    return { [CWL_PACKAGE]: packed.document, [CWL_INPUTS]: request.inputs ?? {} }
  }

  commandLine(temporary: string): { readonly file: string; readonly arguments: readonly string[] } {
    const folders = ['--outdir', CWL_OUTPUTS, '--tmpdir-prefix', join(temporary, 't'), '--tmp-outdir-prefix', join(temporary, 'o')]
    // What tools start is found by the one, and tells how far it is by the other.
    const kept = [MARKER_VARIABLE, 'DATAJOB_PROGRESS'].map((name) => `--preserve-environment=${name}`)
    const options = ['--disable-color', ...(this.#config.containers ? [] : ['--no-container']), ...kept, ...folders]
    return { file: this.#config.runner, arguments: [...options, CWL_PACKAGE, CWL_INPUTS] }
  }

  #pack({ cwl, workflowId }: CwlRequest): Promise<Packed> {
    const text = typeof cwl === 'string' ? cwl : JSON.stringify(cwl)
    const digest = createHash('sha256').update(`${workflowId ?? ''}\n${text}`).digest('hex')
    const packed = this.#packed.get(digest) ?? this.#turnstile.pass(() => this.#packAnew(digest, text, workflowId))
    this.#packed.delete(digest)
    this.#packed.set(digest, packed)
    const [oldest] = this.#packed.keys()
    if (this.#packed.size > REMEMBERED_MAX && oldest !== undefined) this.#packed.delete(oldest)
    return packed
  }

  async #packAnew(digest: string, text: string, workflowId: string | undefined): Promise<Packed> {
    let isPacked = false
    const folder = mkdtempSync(join(this.#folder, 'check-'))
    try {
      const file = join(folder, CWL_PACKAGE)
      writeFileSync(file, text)
      if (this.#user !== null) for (const path of [folder, file]) chownSync(path, this.#user.uid, this.#user.gid)
      const packed = await this.#run(['--disable-color', '--pack', workflowId === undefined ? file : `${file}#${workflowId}`], folder)
      isPacked = packed.ok
      return packed
    } finally {
      // What was refused may have been so because the machine was busy, or cwltool was not there.
      if (!isPacked) this.#packed.delete(digest)
      rmSync(folder, { recursive: true, force: true })
    }
  }

  #run(words: readonly string[], folder: string): Promise<Packed> {
    // A document that refers to others of the network is not fetched together here: what is checked is what runs.
    const nowhere = 'http://127.0.0.1:9'
    const environment = { ...this.#environment, HOME: folder, http_proxy: nowhere, https_proxy: nowhere }
    const bounds = { timeout: PACK_MS_MAX, maxBuffer: PACKED_BYTES_MAX, killSignal: 'SIGKILL' } as const
    const limits = { demand: PACK_DEMAND, allotment: { cores: [], memoryMB: 0 }, fileMB: PACK_FILE_MB, openFiles: PACK_OPEN_FILES }
    const launch = { ...limits, file: this.#config.runner, arguments: words, user: this.#user }
    const [file, ...line] = launchLine(launch, { ...this.#tools, taskset: null }, null)
    return new Promise((resolve) => {
      execFile(file, line, { ...bounds, cwd: folder, env: environment }, (error, stdout, stderr) => {
        if (error === null) resolve({ ok: true, document: stdout })
        else resolve({ ok: false, reason: `cwltool does not take it: ${faultIn(stderr, folder) ?? error.message}`.slice(0, SHOWN_MAX) })
      })
    })
  }

  /** Programs on the list, under their names and with their own arguments. What they run themselves they find as ever. */
  #makePrograms(path: string): string {
    const folder = join(this.#folder, 'bin')
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
    for (const [name, { path: file, arguments: fixed = [] }] of Object.entries(this.#rules.programs)) {
      const script = `#!/bin/sh\nexport PATH=${quoted(path)}\nexec ${[file, ...fixed].map(quoted).join(' ')} "$@"\n`
      writeFileSync(join(folder, name), script)
      chmodSync(join(folder, name), 0o755)
    }
    return folder
  }
}

/** As one word of a shell's. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/** What it says of the error, without lines about itself and paths of this machine. */
function faultIn(stderr: string, folder: string): string | null {
  const text = stderr.replaceAll(`${folder}/`, '').split('\n').filter((line) => !/^(?:INFO|WARNING)\b/.test(line)).join('\n')
  return text.trim() === '' ? null : text.replace(/^ERROR\s+/, '').trim()
}
