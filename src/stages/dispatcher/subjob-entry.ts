/** A subjob in the dispatcher's memory. */
import type { DispatchSubjob } from '../../domain/messages.ts'
import { messageOf } from '../../domain/response-code.ts'
import { newSubjob, type ProducerProgress, type Subjob, type SubjobCommand } from '../../domain/subjob.ts'
import type { SharedStrings } from '../../runtime/shared-strings.ts'
import type { KeptOperations, OperationStore } from '../operation-store.ts'
import type { QueuedSubjob } from './producer-queue.ts'
import type { CalledSubjob } from './called-since.ts'
import type { Call, SubjobOrder } from './subjob-calls.ts'
import { StageTimer } from '../timer-queue.ts'

export interface SubjobEntry extends CalledSubjob {
  readonly dispatch: SubjobOrder
  readonly operations: KeptOperations
  /** What its operations ask for, each once: it is not begun as long as one of them is paused. */
  readonly definitions: readonly string[]
  subjob: Subjob
  /** Whether it counts against its producer's limit now. */
  occupies: boolean
  calledSince: number | null
  /** Whether the changelog says more of it than its order. */
  isProgressStored: boolean
  /** Whether this process has heard from its producer how far it is. */
  isPolled: boolean
  /** What was last told of how far it is; null as long as that was nothing. */
  reported: ReportedProgress | null
  /** Those that it has had to set: its next step, its deadline, when its producer is given up, and when it is asked again to stop. */
  step: StageTimer | null
  deadline: StageTimer | null
  giveUp: StageTimer | null
  cancel: StageTimer | null
}

export interface ReportedProgress extends ProducerProgress {
  readonly attempt: number
  readonly at: number
}

export type SubjobTimer = 'step' | 'deadline' | 'giveUp' | 'cancel'

export interface EntryParts {
  readonly store: OperationStore
  readonly strings: SharedStrings
  readonly definitionOf: (path: string) => string | null
}

/** @param calledSince what is known of that when it is made */
export function newEntry(message: DispatchSubjob, parts: EntryParts, calledSince: number | null): SubjobEntry {
  const { store, strings } = parts
  return {
    ...{ dispatch: keptOrder(message, strings), operations: store.keep(message.operations), subjob: newSubjob() },
    definitions: definitionsIn(message, parts),
    ...{ occupies: false, calledSince, isProgressStored: false, isPolled: false, reported: null },
    ...{ step: null, deadline: null, giveUp: null, cancel: null },
  }
}

// One for all: hardly any asks for one.
const NONE: readonly string[] = []

function definitionsIn({ operations }: DispatchSubjob, { strings, definitionOf }: EntryParts): readonly string[] {
  const found = new Set<string>()
  for (const { path } of operations) {
    const definition = definitionOf(path)
    if (definition !== null) found.add(strings.of(definition))
  }
  return found.size === 0 ? NONE : [...found]
}

// Each member by its name, and what a job's subjobs have in common once: there may be a hundred thousand of them.
function keptOrder(order: DispatchSubjob, strings: SharedStrings): SubjobOrder {
  const { authorization, traceparent } = order
  return {
    type: order.type,
    jobId: strings.of(order.jobId),
    tenant: strings.of(order.tenant),
    index: order.index,
    producerKey: order.producerKey,
    service: strings.of(order.service),
    dataProducerId: order.dataProducerId,
    kind: order.kind,
    destination: strings.of(order.destination),
    dataAcceptType: strings.of(order.dataAcceptType),
    dataContentType: strings.of(order.dataContentType),
    refusal: order.refusal,
    refusalMessage: order.refusalMessage,
    cancelled: order.cancelled,
    run: order.run,
    authorization: authorization === null ? null : strings.of(authorization),
    priority: order.priority,
    attemptsMax: order.attemptsMax,
    deadlineAt: order.deadlineAt,
    traceparent: traceparent === null ? null : strings.of(traceparent),
    ordered: order.ordered,
    generator: order.generator,
  }
}

/** Made when it is needed first, and moved from then on. */
export function timerOf(id: string, entry: SubjobEntry, kind: SubjobTimer): StageTimer {
  return (entry[kind] ??= new StageTimer(kind, id))
}

/** Those that may still ring. */
export function timersOf({ step, deadline, giveUp, cancel }: SubjobEntry): readonly StageTimer[] {
  return [step, deadline, giveUp, cancel].filter((timer) => timer !== null)
}

/** What is stored of it: whether a submission arrived is not known after a restart, so it begins again. */
export function storedForm(subjob: Subjob): Subjob {
  return subjob.state === 'submitting' ? { state: 'queued', notBefore: 0, attempts: subjob.attempts, stop: subjob.stop } : subjob
}

export function queuedOf(id: string, { dispatch, operations }: SubjobEntry): QueuedSubjob {
  const { jobId, tenant, priority, kind, ordered } = dispatch
  return { jobId, tenant, priority, subjobId: id, ordered: kind === 'WRITE' && ordered, operations: operations.count }
}

/** What becomes of a subjob that no producer is to be asked about; null of any other. */
export function refusalOf({ refusal: code, refusalMessage, cancelled }: SubjobOrder, now: number): SubjobCommand | null {
  if (code === null) return null
  const message = refusalMessage ?? messageOf(code)
  if (!cancelled) return { type: 'RefuseSubjob', code, message }
  return { type: 'StopSubjob', stop: { reason: 'cancelled', code, message, giveUpAt: now } }
}

/** Whether nothing was begun of it, and nobody has asked for its end. */
export function mayBeRecalled({ subjob, calledSince, dispatch }: SubjobEntry): boolean {
  const isNew = subjob.state === 'queued' && subjob.attempts.length === 0 && calledSince === null
  return isNew && subjob.stop === null && dispatch.refusal === null
}

export function attemptOf({ subjob }: SubjobEntry): number {
  return subjob.attempts.length + 1
}

export function callOf(id: string, entry: SubjobEntry): Call {
  const { dispatch, operations } = entry
  return { subjobId: id, run: dispatch.run, attempt: attemptOf(entry), dispatch, operations }
}

/** When a restored subjob is tried again: no later than after its whole wait, whatever the clock showed where that was decided. */
export function retryAtOf({ notBefore, attempts }: Extract<Subjob, { readonly state: 'queued' }>, now: number): number {
  const waitMs = notBefore - (attempts.at(-1)?.endedAt ?? notBefore)
  return Math.min(notBefore, now + waitMs)
}

/** When the subjob is over at the latest, and what is said then; null as long as nobody can tell. */
export function deadlineOf(
  entry: SubjobEntry,
  subjobTimeoutMs: (service: string) => number,
): { readonly at: number; readonly message: string } | null {
  const { deadlineAt, service } = entry.dispatch
  const startedAt = entry.calledSince
  const timeoutMs = subjobTimeoutMs(service)
  const timeoutAt = startedAt === null ? Infinity : startedAt + timeoutMs
  if (deadlineAt !== null && deadlineAt <= timeoutAt) return { at: deadlineAt, message: "it was not done by the job's deadline" }
  return startedAt === null || timeoutAt === Infinity ? null : { at: timeoutAt, message: `it was not done within ${timeoutMs} ms` }
}
