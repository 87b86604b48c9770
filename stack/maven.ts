import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { StackError } from './errors.ts'
import { stackHome } from './home.ts'
import { withLock } from './lock.ts'

/** Changes when the files are laid out in another way. */
const layout = '2'
const fetchMsMax = 15 * 60_000
const pomFolder = import.meta.dirname

/** Where the servers of the current pom.xml are, or will be once fetched. The name changes with the pom's content. */
function libraryFolder(): string {
  const hash = createHash('sha256').update(layout)
  for (const file of ['pom.xml', 'registry-parent/pom.xml']) hash.update(readFileSync(join(pomFolder, file)))
  return join(stackHome, `lib-${hash.digest('hex').slice(0, 12)}`)
}

/** True when the servers of the current pom.xml are there, so that Maven isn't needed. */
export function isFetched(): boolean {
  return existsSync(libraryFolder())
}

export function hasMaven(env: NodeJS.ProcessEnv): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('mvn', ['--version'], { env, timeout: 30_000 }, (error) => {
      resolve(error === null)
    })
  })
}

export interface FetchOptions {
  readonly java: string
  readonly env: NodeJS.ProcessEnv
  readonly say: (line: string) => void
}

/**
 * The folder with the servers, fetched with Maven if this pom's were not fetched before. The folder appears in one rename,
 * so it is whole or not there, and two processes fetch only once.
 * Throws a StackError `fetch-failed` with what Maven said.
 */
export async function fetchServers(options: FetchOptions): Promise<string> {
  const folder = libraryFolder()
  if (existsSync(folder)) return folder
  const lock = {
    file: join(stackHome, 'fetch.lock'),
    waitMsMax: fetchMsMax,
    onWait: () => {
      options.say('waiting for another process that fetches the servers…')
    },
  }
  return withLock(lock, async () => {
    if (existsSync(folder)) return folder
    options.say('fetching the Kafka 4.1, registry and S3 servers with Maven (first run only)…')
    const started = performance.now()
    const partial = `${folder}.partial`
    rmSync(partial, { recursive: true, force: true })
    mkdirSync(partial, { recursive: true })
    await runMaven(partial, options)
    await unpackS3(partial, options.java)
    rmSync(join(partial, 'target'), { recursive: true, force: true })
    renameSync(partial, folder)
    options.say(`fetched in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    return folder
  })
}

/** Spring Boot's jar of jars becomes plain jars, which start a third faster. */
async function unpackS3(target: string, java: string): Promise<void> {
  const folder = join(target, 's3')
  const packed = readdirSync(folder).filter((name) => name.endsWith('.jar')).map((name) => join(folder, name))
  const [jar] = packed
  if (jar === undefined || packed.length > 1) throw new StackError('fetch-failed', `${folder} should hold one jar`)
  const args = ['-Djarmode=tools', '-jar', jar, 'extract', '--force', '--destination', folder, '--application-filename', 's3mock.jar']
  await promisify(execFile)(java, args, { timeout: 60_000 })
  rmSync(jar)
}

function runMaven(target: string, { env, say }: FetchOptions): Promise<void> {
  const args = [
    '--batch-mode',
    '--quiet',
    '-Dstyle.color=never',
    '--file',
    join(pomFolder, 'pom.xml'),
    `-Dstack.lib=${target}`,
    'process-resources',
  ]
  const started = performance.now()
  const stillThere = setInterval(() => {
    say(`still fetching, ${Math.round((performance.now() - started) / 1000)} s so far…`)
  }, 20_000)
  return new Promise((resolve, reject) => {
    execFile('mvn', args, { env, timeout: fetchMsMax, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      clearInterval(stillThere)
      if (error === null) {
        resolve()
        return
      }
      const said = stripVTControlCharacters(stdout + stderr).split('\n').find((line) => line.startsWith('[ERROR] ') && line.length > 8)
      const why = error.killed === true ? `it took more than ${fetchMsMax / 60_000} minutes` : (said?.slice(8) ?? error.message)
      reject(new StackError('fetch-failed', `Maven could not fetch the servers: ${why}`, { cause: error }))
    })
  })
}
