import { portOf } from './endpoints.ts'
import { install, type Installation } from './install.ts'
import { startKafka } from './kafka.ts'
import { choosePorts } from './ports.ts'
import { endProcesses, findProcesses } from './processes.ts'
import { startRegistry } from './registry.ts'
import { startS3 } from './s3.ts'
import type { ServerName, StackState } from './state.ts'

export interface JvmContext {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly say: (line: string) => void
  /** Chooses the ports of the servers to start and writes them down. */
  readonly choosePorts: () => Promise<StackState['ports']>
}

const title: Record<ServerName, string> = { kafka: 'Kafka', registry: 'the registry', s3: 'the S3 server' }
const attemptsMax = 3

/**
 * Starts servers side by side and answers all ports once each of them answers. If one fails, those started with it are
 * ended; if it failed because someone took its port in the meantime, it is tried again on another.
 */
export async function startServers(context: JvmContext, names: readonly ServerName[]): Promise<StackState['ports']> {
  const installation = await install(context)
  for (let attempt = 1; ; attempt++) {
    const ports = await context.choosePorts()
    const outcomes = await Promise.allSettled(names.map((name) => startOne(context, installation, name, ports)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return ports
    const started = (await findProcesses(context.folder)).filter((found) => names.some((name) => found.name === name))
    await endProcesses(started.map(({ pid }) => pid), 0)
    if (attempt === attemptsMax || !(await wasPortTaken(names, ports))) throw failed.reason
  }
}

async function startOne(
  context: JvmContext,
  installation: Installation,
  name: ServerName,
  ports: StackState['ports'],
): Promise<void> {
  const began = performance.now()
  const common = { folder: context.folder, installation, port: portOf(ports, name) }
  switch (name) {
    case 'kafka':
      await startKafka({ ...common, name, nodeId: 1, controllerPort: portOf(ports, 'controller') })
      break
    case 'registry':
      await startRegistry(common)
      break
    case 's3':
      await startS3(common)
      break
  }
  context.say(`${title[name]} is up on 127.0.0.1:${common.port} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
}

async function wasPortTaken(names: readonly ServerName[], ports: StackState['ports']): Promise<boolean> {
  const used = [...names, ...(names.includes('kafka') ? (['controller'] as const) : [])].map((name) => portOf(ports, name))
  const free = await choosePorts(used)
  return free.some((port, index) => port !== used[index])
}
