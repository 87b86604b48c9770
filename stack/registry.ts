import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Installation } from './install.ts'
import { launch, stackMark, untilReady } from './processes.ts'

export interface RegistryOptions {
  readonly folder: string
  readonly installation: Installation
  readonly port: number
}

/** The base address of the Confluent-compatible API. */
export function registryUrl(port: number): string {
  return `http://127.0.0.1:${port}/apis/ccompat/v7`
}

/**
 * Starts the schema registry on 127.0.0.1 and waits until it answers; answers its pid.
 * Throws a StackError `server-failed` with the end of its log.
 */
export async function startRegistry(options: RegistryOptions): Promise<number> {
  const cwd = join(options.folder, 'registry')
  mkdirSync(join(cwd, 'tmp'), { recursive: true })
  const logFile = join(cwd, 'registry.log')
  const launched = launch({
    name: 'registry',
    command: options.installation.java,
    cwd,
    logFile,
    args: [
      '-Xms64m',
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-XX:+ExitOnOutOfMemoryError',
      `-Djava.io.tmpdir=${join(cwd, 'tmp')}`,
      stackMark(options.folder, 'registry'),
      ...registrySettings(join(cwd, 'registry'), options.port).map((setting) => `-D${setting}`),
      '-jar',
      join(options.installation.libraries, 'registry', 'apicurio-registry-app-3.0.9-runner.jar'),
    ],
  })
  const answers = (): Promise<boolean> => httpAnswers(`${registryUrl(options.port)}/subjects`)
  await untilReady({ name: 'the registry', launched, logFile, waitMsMax: 60_000, answers })
  return launched.pid
}

/**
 * Schemas are kept in an H2 file, not in memory: records in Kafka name schemas by id, so an id has to outlive the registry.
 * Without WRITE_DELAY=0 a schema registered within half a second before a `kill -9` is lost, and its id given away again.
 */
export function registrySettings(databaseFile: string, port: number): string[] {
  return [
    'quarkus.http.host=127.0.0.1',
    `quarkus.http.port=${port}`,
    'quarkus.http.access-log.enabled=false',
    `apicurio.datasource.url=jdbc:h2:file:${databaseFile};WRITE_DELAY=0`,
    'apicurio.datasource.jdbc.initial-size=1',
    'apicurio.datasource.jdbc.min-size=1',
    'apicurio.datasource.jdbc.max-size=8',
  ]
}

/** True when a GET is answered with 2xx within two seconds. */
export async function httpAnswers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
