import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { portOf } from './endpoints.ts'
import { StackError } from './errors.ts'
import type { ServerName, StackState } from './state.ts'

const probeMsMax = 4_000
const pullMsMax = 5 * 60_000
const composeMsMax = 60_000
const composeFile = join(dirname(import.meta.dirname), 'docker-compose.yml')

export interface DockerOptions {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly ports: StackState['ports']
}

/** Undefined when a Docker engine answers and has `compose`; else why it can't be used, in one line. */
export async function whyNoDocker(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const engine = await run('docker', ['info', '--format', '{{.ServerVersion}}'], { env, timeoutMs: probeMsMax })
  if (!engine.ok) return engine.missing ? 'no docker command' : 'no Docker engine answers'
  const compose = await run('docker', ['compose', 'version', '--short'], { env, timeoutMs: probeMsMax })
  return compose.ok ? undefined : 'this Docker has no compose command'
}

/** Gets the images that aren't there yet. Throws a StackError `docker-failed` with what Docker said. */
export async function pullImages(options: DockerOptions, servers: readonly ServerName[]): Promise<void> {
  await compose(options, ['pull', '--quiet', ...servers], pullMsMax)
}

/** Starts the containers; it does not wait until the servers in them answer. */
export async function startContainers(options: DockerOptions, servers: readonly ServerName[]): Promise<void> {
  await compose(options, ['up', '--detach', '--no-deps', ...servers], composeMsMax)
}

/** Removes the containers, and the data with them when asked. */
export async function removeContainers(options: DockerOptions, discard: boolean): Promise<void> {
  await compose(options, ['down', ...(discard ? ['--volumes'] : [])], composeMsMax)
}

async function compose(options: DockerOptions, args: readonly string[], timeoutMs: number): Promise<void> {
  const all = ['compose', '--project-name', projectName(options.folder), '--file', composeFile, ...args]
  const env = { ...options.env, ...composeVariables(options.ports) }
  const outcome = await run('docker', all, { env, timeoutMs })
  if (!outcome.ok) throw new StackError('docker-failed', `docker compose ${args[0] ?? ''}: ${outcome.why}`)
}

/** Stacks in different folders are different compose projects. */
export function projectName(folder: string): string {
  return `datajob-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`
}

/** The variables that docker-compose.yml reads. */
export function composeVariables(ports: StackState['ports']): Record<string, string> {
  const name = { kafka: 'DATAJOB_STACK_KAFKA_PORT', registry: 'DATAJOB_STACK_REGISTRY_PORT', s3: 'DATAJOB_STACK_S3_PORT' }
  const servers: ServerName[] = ['kafka', 'registry', 's3']
  const chosen = servers.filter((server) => ports[server] !== undefined)
  return Object.fromEntries(chosen.map((server) => [name[server], String(portOf(ports, server))]))
}

type Outcome = { readonly ok: true } | { readonly ok: false; readonly missing: boolean; readonly why: string }

function run(
  command: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number },
): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { env: options.env, timeout: options.timeoutMs, killSignal: 'SIGKILL' }, (error, _, stderr) => {
      if (error === null) {
        resolve({ ok: true })
        return
      }
      const said = stderr.trim().split('\n').at(-1) ?? ''
      const timedOut = error.killed === true ? `no answer within ${options.timeoutMs / 1000} s` : ''
      resolve({ ok: false, missing: error.code === 'ENOENT', why: timedOut || said || error.message })
    })
  })
}
