/** Puts an exec producer together and lets it listen. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { systemClock, systemTimers } from '../../runtime/clock.ts'
import { sharedEnvironment } from './attempt-runner.ts'
import type { BasicCredentials } from './basic-auth.ts'
import type { Bucket } from './bucket.ts'
import { ControlGroups } from './control-groups.ts'
import { CwlRunner } from './cwl-runner.ts'
import type { ExecConfig } from './exec-config.ts'
import { ExecBook, type ExecLog } from './exec-book.ts'
import { ExecProducer } from './exec-producer.ts'
import { ExecRoutes } from './exec-routes.ts'
import { ExecStore } from './exec-store.ts'
import { findLimitTools, isExecutable, type LimitTools, missingTools, processorNumbers } from './machine.ts'
import { MemoryWatch } from './memory-watch.ts'
import { Publisher } from './publisher.ts'

export interface RunningExecProducer {
  readonly url: string
  /** What the machine lacks, in words. */
  readonly warnings: readonly string[]
  /** Takes no more jobs, waits a while for commands that run, ends the rest, and leaves no process behind. */
  stop(): Promise<void>
}

/** Something that is configured is not there: a person has to look. */
export class ExecConfigProblem extends Error {
  override readonly name = 'ExecConfigProblem'
}

/** Longer than clients keep an idle connection, so that they, not we, close it: closing it under a request loses it. */
const KEEP_ALIVE_MS = 60_000

/**
 * Rejects with ExecConfigProblem, ControlGroupUnusable or ExecStoreUnusable when it can't do what it is configured for, and
 * with what the system says when the address can't be had.
 */
export async function startExecProducer(
  config: ExecConfig,
  parts: { readonly bucket: Bucket | null; readonly log: ExecLog },
): Promise<RunningExecProducer> {
  checkFiles(config)
  const credentials = credentialsOf(config)
  const tools = findLimitTools()
  checkUser(config, tools)
  const groups = config.cgroup === undefined ? null : ControlGroups.open(config.cgroup)
  const warnings = [...missingTools(tools), ...groupWarnings(groups), ...userWarnings(config)]
  for (const warning of warnings) parts.log.warn({}, warning)
  const system = { clock: systemClock, timers: systemTimers }
  const book = new ExecBook({ ...system, store: ExecStore.open(config.dataFolder), log: parts.log })
  const cwlParts = { rules: config, folder: join(config.dataFolder, 'cwl'), environment: sharedEnvironment(config), tools }
  const cwl = config.cwl === undefined ? null : new CwlRunner(config.cwl, cwlParts)
  const memoryWatch = groups?.limitsMemory === true ? null : new MemoryWatch(systemTimers)
  const attempts = { ...system, config, tools, groups, cwl, memoryWatch, killGraceMs: config.killGraceSeconds * 1_000 }
  const { dataFolder, publishSeconds } = config
  const publisher = new Publisher({ ...system, dataFolder, bucket: parts.bucket, publishMs: publishSeconds * 1_000 })
  const producer = new ExecProducer({ ...system, book, attempts, publisher, processors: processorNumbers(), log: parts.log })
  const routes = new ExecRoutes({ config, producer, cwl, credentials, warnings })
  // Bound before anything is taken up, so that a second one that can't listen does not touch what runs.
  const server = await listening(config, routes, parts.log)
  await producer.recover()
  return {
    url: urlOf(server),
    warnings,
    stop: async () => {
      await producer.stop()
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function listening({ host, port }: ExecConfig, routes: ExecRoutes, log: ExecLog): Promise<Server> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    routes.answer(request, response).catch((error: unknown) => {
      log.warn({ url: request.url, error: String(error) }, 'a request failed')
      if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'content-type': 'application/json' }).end('{"message":"the request failed; the log says why"}')
    })
  })
  server.listen(port, host)
  await once(server, 'listening')
  return server
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

function checkFiles({ programs, cwl }: ExecConfig): void {
  const files = Object.entries(programs).map(([name, { path }]) => ({ field: `programs.${name}.path`, path }))
  if (cwl !== undefined) files.push({ field: 'cwl.runner', path: cwl.runner })
  const missing = files.filter(({ path }) => !isExecutable(path))
  const problems = missing.map(({ field, path }) => `${field}: "${path}" is not there, or can't be executed`)
  if (problems.length > 0) throw new ExecConfigProblem(problems.join('\n'))
}

function credentialsOf({ auth }: ExecConfig): BasicCredentials | null {
  if (auth === undefined) return null
  try {
    const password = readFileSync(auth.passwordFile, 'utf8').replace(/\r?\n$/, '')
    if (password === '') throw new Error('it is empty')
    return { username: auth.username, password }
  } catch (cause) {
    throw new ExecConfigProblem(`auth.passwordFile: ${auth.passwordFile} can't be read: ${String(cause)}`, { cause })
  }
}

function checkUser({ user }: ExecConfig, { setpriv }: LimitTools): void {
  if (user === undefined) return
  if (process.getuid?.() !== 0) throw new ExecConfigProblem('user: only root can run commands as another user')
  if (setpriv === null) throw new ExecConfigProblem('user: setpriv (util-linux) is not installed, which makes commands another user’s')
}

function userWarnings({ user }: ExecConfig): readonly string[] {
  return user === undefined ? ['no user is configured: commands run as the producer does, and may read its files and its environment'] : []
}

function groupWarnings(groups: ControlGroups | null): readonly string[] {
  const without = 'memory is limited for single processes by the system, for all of a command by looking at it twice a second'
  const escape = 'a process that clears its environment and leaves its session is not found'
  if (groups === null) return [`no cgroup is configured: ${without}, and ${escape}`]
  return groups.limitsMemory ? [] : [`the cgroup has no memory controller: ${without}`]
}
