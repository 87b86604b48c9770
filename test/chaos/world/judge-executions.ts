/** Judges what executions' subscribers were told: all of it, one after the other, under ids that stay, and what is refused is set aside. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReceivedCallback } from '../../harness/callback-receiver.ts'
import type { LoggedRecord } from '../../harness/topic-log.ts'
import { until } from '../../harness/until.ts'
import { type ChaosExecution, EXECUTIONS, pathOf, SUBSCRIBER_URIS } from './execution-client.ts'
import type { World } from './world.ts'

const READ_MS_MAX = 60_000
const REQUEST_MS_MAX = 10_000
/** From the end of an execution on: some tries, with all that may lie between them. */
const TOLD_MS_MAX = 60_000
const ENDED: readonly string[] = ['successful', 'failed', 'dismissed']

export interface ExecutionsVerdict {
  readonly findings: readonly string[]
  readonly executions: number
  readonly callbacks: number
}

export async function checkExecutions(world: World, giveUp: AbortSignal): Promise<ExecutionsVerdict> {
  const { executions, complaints } = world.executions.take()
  const findings = [...complaints]
  const told = new Map<ChaosExecution, string>()
  for (const execution of executions) {
    await world.executions.settle(execution, giveUp)
    const status = await endOf(world, execution, giveUp)
    if (!ENDED.includes(status)) findings.push(`${nameOf(execution)} has not ended: ${status}`)
    else if (await isTold(world, execution, status)) told.set(execution, status)
    else findings.push(`${nameOf(execution)} is ${status}, and its subscriber was told no end`)
  }
  const letters = (await world.deadLetters.settled(READ_MS_MAX)).filter((letter) => callbackIdOf(letter) !== undefined)
  for (const [execution, status] of told) findings.push(...checkTold(world, execution, status), ...checkLetters(world, execution, letters))
  const ids = Map.groupBy(world.receiver.received, ({ id }) => id)
  const shared = [...ids].filter(([, all]) => new Set(all.map(({ path }) => path)).size > 1)
  findings.push(...shared.map(([id, all]) => `${id} came to ${[...new Set(all.map(({ path }) => path))].join(' and ')}`))
  return { findings, executions: executions.length, callbacks: world.receiver.received.length }
}

/** Which callback a dead letter is; undefined for what was never to be one. */
export function callbackIdOf({ headers }: LoggedRecord): string | undefined {
  return headers['datajob_callback_id']
}

function nameOf({ name, mood, jobId }: ChaosExecution): string {
  return `${name} (${jobId ?? 'no job'}, ${mood})`
}

async function endOf({ slots }: World, { jobId }: ChaosExecution, giveUp: AbortSignal): Promise<string> {
  let last = 'it got no clear answer in time'
  for (let n = 0; jobId !== null; n += 1) {
    const path = `${EXECUTIONS}/jobs/${encodeURIComponent(jobId)}`
    const answer = await slots[n % slots.length]?.client?.request('GET', path, { timeoutMs: REQUEST_MS_MAX }).catch(() => null)
    if (answer !== null && answer !== undefined) {
      last = answer.status === 200 ? (answer.body as { readonly status: string }).status : `${answer.status} ${JSON.stringify(answer.body)}`
    }
    if (ENDED.includes(last) || giveUp.aborted) break
    await sleep(n < slots.length ? 50 : 500)
  }
  return last
}

async function isTold({ receiver }: World, execution: ChaosExecution, status: string): Promise<boolean> {
  const path = pathOf(execution, lastOf(status))
  const isTaken = (): boolean => receiver.at(path).some((each) => each.status === 204)
  return until('its end is told', isTaken, TOLD_MS_MAX).then(() => true, () => false)
}

function lastOf(status: string): 'successUri' | 'failedUri' {
  return status === 'successful' ? 'successUri' : 'failedUri'
}

function checkTold({ receiver }: World, execution: ChaosExecution, status: string): readonly string[] {
  const paths = new Map(SUBSCRIBER_URIS.map((uri) => [pathOf(execution, uri), uri]))
  const came = receiver.received.filter(({ path }) => paths.has(path))
  const of = (uri: string): readonly ReceivedCallback[] => came.filter(({ path }) => paths.get(path) === uri)
  const findings: string[] = []
  for (const uri of SUBSCRIBER_URIS) {
    const ids = new Set(of(uri).map(({ id }) => id))
    if (ids.size > 1) findings.push(`its ${uri} was told under ${[...ids].join(' and ')}`)
  }
  const last = lastOf(status)
  const other = last === 'successUri' ? 'failedUri' : 'successUri'
  if (of(other).length > 0) findings.push(`it is ${status}, and its ${other} was told`)
  if (came.some(({ isSigned }) => !isSigned)) findings.push('it was told without a signature')
  const begun = of('inProgressUri').findIndex(({ status: said }) => said === 204 || said === 410)
  if (status === 'successful' && begun === -1) findings.push('that it runs was not told')
  const first = of('inProgressUri')[begun]
  const end = came.findIndex(({ path }) => paths.get(path) === last)
  const isInOrder = of('inProgressUri').length === 0 || (first !== undefined && came.indexOf(first) < end)
  if (!isInOrder) findings.push('its end was told before that it runs was taken or refused')
  const [said] = of('successUri')
  if (said !== undefined && JSON.stringify(said.body) !== JSON.stringify({ string: execution.name })) {
    findings.push(`its results were told as ${JSON.stringify(said.body)}`)
  }
  return findings.map((finding) => `${nameOf(execution)}: ${finding}`)
}

/** What its subscriber refused is set aside once; nothing else is. */
function checkLetters({ receiver }: World, execution: ChaosExecution, letters: readonly LoggedRecord[]): readonly string[] {
  return SUBSCRIBER_URIS.flatMap((uri) => {
    const path = pathOf(execution, uri)
    const own = letters.filter(({ headers }) => headers['datajob_callback_url'] === receiver.url + path)
    const expected = receiver.at(path).some(({ status }) => status === 410) ? 1 : 0
    return own.length === expected ? [] : [`${nameOf(execution)}: its ${uri} is set aside ${own.length} times, not ${expected}`]
  })
}
