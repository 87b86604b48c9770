/** What is held: nothing of it is handed out before its release, and nothing at all where it is cancelled instead. */
import type { Job } from '../../src/domain/job.ts'
import type { DispatchSubjob } from '../../src/domain/messages.ts'
import type { ExpectedCommands, Holding } from './accepted-jobs.ts'
import { messagesOn } from './check-calls.ts'
import { TRANSACTION_MS_MAX } from './check-counts.ts'
import { type HandedOver, workOf } from './dmi.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

export function violationsOfHolding(world: World, { held, accepted, stopped }: ExpectedCommands, jobs: readonly Job[]): readonly string[] {
  const orders = messagesOn(world, TOPICS.subjobs).flatMap(({ message, writtenAt }) => {
    return message.type === 'DispatchSubjob' ? [{ order: message, at: writtenAt }] : []
  })
  return [...violationsOfPauses(world, orders), ...[...held].flatMap(([jobId, holding]) => {
    const own = orders.filter(({ order }) => order.jobId === jobId)
    const sent = world.dmi.sendings.filter(({ dispatch }) => dispatch.jobId === jobId)
    const { dependencies = [], groups = [] } = accepted.get(jobId) ?? {}
    const hasDependencies = dependencies.length + groups.length > 0
    const missing = [...holding.pieces.keys()].filter((index) => !hasDependencies && own.every(({ order }) => order.index !== index))
    return [
      ...own.flatMap(({ order, at }) => {
        return order.cancelled || mayBegin(holding, order, at) ? [] : [`${workOf(order)} was handed out, and it was held`]
      }),
      ...sent.flatMap(({ dispatch, at }) => (mayBegin(holding, dispatch, at) ? [] : [`${workOf(dispatch)} was sent, and it was held`])),
      ...missing.map((index) => `${jobId}/${index} was released, and not handed out`),
      ...(isStopped(jobId, stopped) ? [] : stateOf(jobId, holding, jobs.find((each) => each.jobId === jobId))),
    ]
  })]
}

/** Of a job that is held while it runs nothing is handed out to be done before it is held no longer. */
function violationsOfPauses(world: World, orders: readonly { readonly order: DispatchSubjob; readonly at: number }[]): readonly string[] {
  const changes = new Map<string, { readonly job: Job; readonly at: number }[]>()
  for (const { message, writtenAt: at } of messagesOn(world, TOPICS.jobs)) {
    if (message.type !== 'JobChanged') continue
    changes.set(message.job.jobId, [...(changes.get(message.job.jobId) ?? []), { job: message.job, at }])
  }
  return orders.flatMap(({ order, at }) => {
    const own = changes.get(order.jobId) ?? []
    const isWithin = own.some(({ job, at: from }, position) => {
      const until = (own[position + 1]?.at ?? Infinity) - TRANSACTION_MS_MAX
      return job.held && !job.released.includes(order.index) && from + TRANSACTION_MS_MAX < at && at < until
    })
    return isWithin && order.refusal === null ? [`${workOf(order)} was handed out while its job was held`] : []
  })
}

/** What a paused definition is asked for is not sent, but for what was on its way. */
export function violationsOfPausedDefinitions({ dmi, settings }: World): readonly string[] {
  return dmi.sendings.flatMap(({ dispatch, at, isExcused }) => {
    const isPaused = settings.pauses.some(({ path, from, until }) => {
      return from + TRANSACTION_MS_MAX < at && at < until && dispatch.operations.some((operation) => operation.path === path)
    })
    return isPaused && !isExcused ? [`${workOf(dispatch)} was sent while what it asks for was paused`] : []
  })
}

function mayBegin({ beginning, pieces }: Holding, { index, run, refusal }: HandedOver | DispatchSubjob, at: number): boolean {
  if (at >= (pieces.get(index) ?? Infinity)) return true
  if (beginning === null || at < beginning.at) return false
  return beginning.by === 'ReleaseJob' || run > 1 || refusal !== null
}

/** One of which some subjobs were cancelled may have begun with those, and ended if they were all. */
function isStopped(jobId: string, stopped: ReadonlySet<string>): boolean {
  return [...stopped].some((subjob) => subjob.startsWith(`${jobId}/`))
}

function stateOf(jobId: string, { beginning, pieces }: Holding, job: Job | undefined): readonly string[] {
  const states = beginning === null ? (pieces.size === 0 ? ['accepted'] : ['accepted', 'running']) : ['ended']
  if (job !== undefined && job.held === (beginning === null) && states.includes(job.state)) return []
  const found = `${job?.state ?? 'unknown'}${job?.held === true ? ' and held' : ''}`
  return [`job ${jobId} is ${found}, and ${beginning === null ? '' : 'not '}to be held`]
}
