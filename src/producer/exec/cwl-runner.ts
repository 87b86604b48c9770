/** Asks cwltool what a document is, and says how it is run. cwltool is the operator's: it is never fetched. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AdmissionRules } from './allow-list.ts'
import { type CwlCheck, checkCwl } from './cwl-check.ts'
import type { CommandUser, CwlConfig, ExecConfig } from './exec-config.ts'
import type { CwlRequest } from './exec-request.ts'
import { MARKER_VARIABLE } from './processes.ts'

/** A document in one piece, which refers to nothing else any more; what is to run is its `main`. */
type Packed = { readonly ok: true; readonly document: string } | { readonly ok: false; readonly reason: string }

type CwlRules = AdmissionRules & Pick<ExecConfig, 'user'>

const PACK_MS_MAX = 60_000
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
  /** By the documents' digests, oldest first. */
  readonly #packed = new Map<string, Promise<Packed>>()

  /**
   * @param folder where programs on the list are put under their names, so that tools find them first; and scratch files
   * @param environment what every command here has
   */
  constructor(config: CwlConfig, rules: CwlRules, folder: string, environment: Readonly<Record<string, string>>) {
    this.#config = config
    this.#rules = rules
    this.#folder = folder
    this.#user = rules.user ?? null
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
    const packed = this.#packed.get(digest) ?? this.#packAnew(text, workflowId)
    this.#packed.delete(digest)
    this.#packed.set(digest, packed)
    const [oldest] = this.#packed.keys()
    if (this.#packed.size > REMEMBERED_MAX && oldest !== undefined) this.#packed.delete(oldest)
    return packed
  }

  async #packAnew(text: string, workflowId: string | undefined): Promise<Packed> {
    const folder = mkdtempSync(join(this.#folder, 'check-'))
    try {
      const file = join(folder, CWL_PACKAGE)
      writeFileSync(file, text)
      if (this.#user !== null) for (const path of [folder, file]) chownSync(path, this.#user.uid, this.#user.gid)
      return await this.#run(['--disable-color', '--pack', workflowId === undefined ? file : `${file}#${workflowId}`], folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  #run(words: readonly string[], folder: string): Promise<Packed> {
    // A document that refers to others of the network is not fetched together here: what is checked is what runs.
    const nowhere = 'http://127.0.0.1:9'
    const environment = { ...this.#environment, HOME: folder, http_proxy: nowhere, https_proxy: nowhere }
    const bounds = { timeout: PACK_MS_MAX, maxBuffer: PACKED_BYTES_MAX, killSignal: 'SIGKILL' } as const
    const options = { ...bounds, ...this.#user, cwd: folder, env: environment }
    return new Promise((resolve) => {
      execFile(this.#config.runner, [...words], options, (error, stdout, stderr) => {
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
