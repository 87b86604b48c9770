/**
 * A large job over REST: how long until it is accepted, and what that takes of the service's memory.
 *
 *   node bench/upload.ts --operations 100000
 *   node bench/upload.ts --operations 1000000 --producers 1000 --interleaved --to-the-end
 *
 * The stack and the service are started for the run. The body, about 220 bytes an operation, is streamed over loopback.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureStack, stopStack } from '../stack/stack.ts'
import { Installation } from '../test/harness/installation.ts'
import type { ServiceClient } from '../test/harness/service-client.ts'
import { mib, ProcessProbe, seconds } from './harness/process-probe.ts'

const { values: flags } = parseArgs({
  options: {
    operations: { type: 'string', default: '100000' },
    handles: { type: 'string', default: '5000' },
    producers: { type: 'string', default: '1' },
    interleaved: { type: 'boolean', default: false },
    'dry-run': { type: 'boolean', default: false },
    'to-the-end': { type: 'boolean', default: false },
    destination: { type: 'string' },
  },
})
const operations = Number(flags.operations)
const handles = Number(flags.handles)
const producers = Number(flags.producers)

const SERVICE = 'bench'
const CHUNK_OPERATIONS = 300
const WAIT_MS_MAX = 1_800_000
const INVENTORY_BATCH = 5_000

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function elementOf(handle: number): string {
  return `/SubNetwork=Europe/MeContext=NR${handle}/ManagedElement=NE${handle}`
}

function operationAt(n: number): string {
  const handle = flags.interleaved ? n % handles : Math.floor((n * handles) / operations)
  const path = `${elementOf(handle)}/GNBDUFunction=1/NRCellDU=${n % 6}`
  const value = `{"id":"${n % 6}","attributes":{"nRPCI":${n % 1008},"administrativeState":"UNLOCKED"}}`
  return `{"op":"merge","operationId":"operation-${n}","path":"${path}","value":${value}}`
}

async function registerHandles(client: ServiceClient): Promise<void> {
  for (let from = 0; from < handles; from += INVENTORY_BATCH) {
    const created = Array.from({ length: Math.min(INVENTORY_BATCH, handles - from) }, (_, n) => {
      const handle = from + n
      const producer = flags.interleaved ? handle % producers : Math.floor((handle * producers) / handles)
      return { cmHandle: `handle-${handle}`, alternateId: elementOf(handle), dataProducerIdentifier: `producer-${producer}` }
    })
    await client.registerHandles(SERVICE, created)
  }
}

async function* bodyChunks(): AsyncGenerator<string> {
  yield '{"data":['
  for (let from = 0; from < operations; from += CHUNK_OPERATIONS) {
    const chunk = Array.from({ length: Math.min(CHUNK_OPERATIONS, operations - from) }, (_, n) => operationAt(from + n))
    yield await Promise.resolve(`${from === 0 ? '' : ','}${chunk.join(',')}`)
  }
  yield ']}'
}

async function send(to: ClientRequest): Promise<number> {
  let bytes = 0
  for await (const chunk of bodyChunks()) {
    bytes += chunk.length
    if (!to.write(chunk)) await once(to, 'drain')
  }
  to.end()
  return bytes
}

/** Asks for the health of the service all the time, and keeps the longest that an answer took. */
function watchAnswers(client: ServiceClient): { stop(): Promise<number> } {
  const stopped = new AbortController()
  let worst = 0
  const asking = (async () => {
    while (!stopped.signal.aborted) {
      const at = performance.now()
      await client.request('GET', '/livez')
      worst = Math.max(worst, performance.now() - at)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  return {
    async stop() {
      stopped.abort()
      await asking
      return worst
    },
  }
}

async function submit(client: ServiceClient): Promise<{ readonly jobId: string }> {
  const query = flags['dry-run'] ? '?dryRun=true' : flags.destination === undefined ? '' : `?destination=${flags.destination}`
  const headers = { 'content-type': 'application/json' }
  const outgoing = request(`${client.url}/ranoam/cm/v1/dataJob${query}`, { method: 'POST', headers })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  const watch = watchAnswers(client)
  const begun = performance.now()
  const bytes = await send(outgoing)
  const sentAfter = performance.now() - begun
  const [response] = await answered
  let text = ''
  for await (const chunk of response) text += String(chunk)
  const took = performance.now() - begun
  say(`${operations} operations, ${mib(bytes)}: sent in ${seconds(sentAfter)}, answered ${response.statusCode} after ${seconds(took)}`)
  say(text.slice(0, 300))
  say(`meanwhile another request waited at most ${(await watch.stop()).toFixed(0)} ms`)
  return JSON.parse(text) as { readonly jobId: string }
}

async function measure(installation: Installation): Promise<void> {
  const { child, client } = await installation.service('service')
  await client.ready()
  const simulated = await installation.producer(SERVICE, { 'delay-ms': '20..80', 'memory-mib': '2048' })
  await client.registerService(SERVICE, simulated.url)
  await registerHandles(client)
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  const probe = new ProcessProbe(child.pid)
  const idle = probe.residentBytes()
  const before = probe.processorTime()
  probe.takePeakBytes()
  const { jobId } = await submit(client)
  const acceptedPeak = probe.takePeakBytes()
  const { user, system } = probe.processorTime()
  say(`accepting: ${mib(idle)} resident when idle, ${mib(acceptedPeak)} at the peak, ${mib(acceptedPeak - idle)} above`)
  say(`processor time: ${(user - before.user).toFixed(1)} s, and ${(system - before.system).toFixed(1)} s of the system's`)
  if (flags['to-the-end']) {
    const acceptedAt = performance.now()
    const job = await client.ended(jobId, WAIT_MS_MAX)
    say(`${job.status} ${seconds(performance.now() - acceptedAt)} after that: ${JSON.stringify(job.counts)}`)
    say(`to the end: ${mib(probe.takePeakBytes() - idle)} above idle at the peak`)
  }
  for (const line of child.log().filter((each) => /"level":[456]0/.test(each))) say(line.slice(0, 500))
  probe.stop()
}

const folder = mkdtempSync(join(tmpdir(), 'datajob-bench-'))
const stack = await ensureStack({ folder, lifetime: 'process', say })
const installation = await Installation.open('upload', stack)
try {
  await measure(installation)
} finally {
  await installation.close()
  await stopStack({ folder, discard: true })
  rmSync(folder, { recursive: true, force: true })
}
