/** Puts dead letters back to where they came from, each once. */
import { canBeRedriven, type DeadLetter, deadLetterOf, parseLetterId, redriveRecords, redrivenLetterOf } from '../../kafka/dead-letters.ts'
import { type KafkaClient, KafkaFailure, type OutputRecord, type Position } from '../../kafka/port.ts'
import { formatInstant } from '../../rest/instant.ts'
import type { Cli } from '../cli.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note } from '../options.ts'
import { formatNumberOf } from '../output/units.ts'
import { type LetterFilter, type LetterLog, type Redriven, redrivenAgain } from './letter-log.ts'

export interface RedriveRequest {
  /** Letters by their ids; empty for all that the filter lets through. */
  readonly ids: readonly string[]
  readonly filter: LetterFilter
  /** Also those that were re-driven before. */
  readonly again: boolean
  readonly dryRun: boolean
}

export interface RedriveReport {
  readonly letters: readonly RedrivenLetter[]
  /** Letters that the filter lets through and that were re-driven before. */
  readonly redrivenBefore: number
  /** Letters that the filter lets through and that come from no topic that a stage reads. */
  readonly foreign: number
}

export interface RedrivenLetter {
  readonly id: string
  readonly key: string | null
  readonly topic: string
}

/** Letters of one transaction: few enough for it to end long before its timeout. */
const GROUP_LETTERS_MAX = 100
const GROUP_BYTES_MAX = 1_000_000
const KEY_KEPT_MAX = 256

/**
 * Throws a CommandFailure before anything is done: `NotFound` when a letter that is named is not there, `Usage` when one was
 * re-driven before. Throws KafkaFailure; letters that were re-driven by then stay so, and are known to be.
 */
export class Redrive {
  readonly #cli: Pick<Cli, 'screen'>
  readonly #kafka: Pick<KafkaClient, 'transactionalProducer'>
  readonly #log: LetterLog
  readonly #transactionalId: string

  constructor(parts: {
    readonly cli: Pick<Cli, 'screen'>
    readonly kafka: Pick<KafkaClient, 'transactionalProducer'>
    readonly log: LetterLog
    readonly application: string
  }) {
    this.#cli = parts.cli
    this.#kafka = parts.kafka
    this.#log = parts.log
    this.#transactionalId = `${parts.application}.dead-letters.redrive`
  }

  async run(request: RedriveRequest): Promise<RedriveReport> {
    if (request.dryRun) return reportOf(await this.#survey(request))
    // Whoever re-drives at the same time writes nothing more from here on, and all that they have written is read below.
    const producer = await this.#kafka.transactionalProducer(this.#transactionalId)
    try {
      const survey = await this.#survey(request)
      const groupId = this.#transactionalId
      await this.#putBack(survey, (records) => producer.commit({ records, offsets: [], groupId }))
      return reportOf(survey)
    } finally {
      await producer.close()
    }
  }

  async #survey({ ids, filter, again }: RedriveRequest): Promise<Survey> {
    const found = new Map<string, RedrivenLetter & { readonly isForeign: boolean }>()
    const marks = new Map<string, Redriven>()
    const wanted = new Set(ids)
    const isMeant = (letter: DeadLetter): boolean => (ids.length > 0 ? wanted.has(letter.id) : this.#log.matches(letter, filter))
    const from = positionsOf(ids, this.#log.topics.deadLetters)
    await this.#log.read(from, (record) => {
      const letter = deadLetterOf(record)
      if (letter !== null && isMeant(letter)) {
        const key = record.key?.toString().slice(0, KEY_KEPT_MAX) ?? null
        found.set(letter.id, { id: letter.id, key, topic: letter.origin.topic, isForeign: !canBeRedriven(letter, this.#log.topics) })
      }
      const marked = redrivenLetterOf(record)
      if (marked !== null && found.has(marked)) marks.set(marked, redrivenAgain(marks.get(marked) ?? null, record))
    })
    const survey = { found: [...found.values()], marks, again, from }
    if (ids.length > 0) refuseWhatCant(ids, survey)
    return survey
  }

  async #putBack(survey: Survey, commit: (records: readonly OutputRecord[]) => Promise<void>): Promise<void> {
    const chosen = new Set(chosenOf(survey).map(({ id }) => id))
    if (chosen.size === 0) return
    let done = 0
    let group: OutputRecord[] = []
    let letters = 0
    let bytes = 0
    const flush = async (): Promise<void> => {
      if (letters === 0) return
      await commit(group).catch((error: unknown) => {
        throw this.#brokenOff(error, { done, of: chosen.size })
      })
      done += letters
      group = []
      letters = 0
      bytes = 0
    }
    await this.#log.read(survey.from, async (record) => {
      const letter = deadLetterOf(record)
      if (letter === null || !chosen.has(letter.id)) return
      group.push(...redriveRecords(letter, this.#log.topics))
      letters += 1
      bytes += record.value?.length ?? 0
      if (letters >= GROUP_LETTERS_MAX || bytes >= GROUP_BYTES_MAX) await flush()
    })
    await flush()
  }

  #brokenOff(error: unknown, { done, of }: { readonly done: number; readonly of: number }): unknown {
    const said = `re-driven before that: ${done} of ${formatNumberOf(of, 'letter')}`
    if (error instanceof KafkaFailure && error.disposition === 'fenced') {
      const message = `another "datajob dead-letters redrive" has begun and takes over; ${said}`
      return new CommandFailure(ExitCode.Usage, message, { hint: 'Run it again to see what is left.' })
    }
    note(this.#cli, `${said}; run it again for the others: none is re-driven twice`)
    return error
  }
}

interface Survey {
  readonly found: readonly (RedrivenLetter & { readonly isForeign: boolean })[]
  readonly marks: ReadonlyMap<string, Redriven>
  readonly again: boolean
  /** Where the first of them may be. */
  readonly from: readonly Position[]
}

function positionsOf(ids: readonly string[], topic: string): readonly Position[] {
  const first = new Map<number, number>()
  for (const { partition, offset } of ids.flatMap((id) => parseLetterId(id) ?? [])) {
    first.set(partition, Math.min(offset, first.get(partition) ?? Infinity))
  }
  return Array.from(first, ([partition, offset]) => ({ topic, partition, offset }))
}

function refuseWhatCant(ids: readonly string[], { found, marks, again }: Survey): void {
  const missing = ids.filter((id) => !found.some((letter) => letter.id === id))
  if (missing.length > 0) throw new CommandFailure(ExitCode.NotFound, `there is no dead letter ${missing.join(', ')}`)
  const foreign = found.filter(({ isForeign }) => isForeign).map(({ id, topic }) => `${id} came from ${topic}, which no stage reads`)
  if (foreign.length > 0) throw new CommandFailure(ExitCode.Usage, foreign.join('\n'))
  const before = again ? [] : found.flatMap(({ id }) => shownMark(id, marks.get(id)))
  if (before.length === 0) return
  const hint = 'With --again they are once more. A command whose job is there already does nothing.'
  throw new CommandFailure(ExitCode.Usage, before.join('\n'), { hint })
}

function shownMark(id: string, mark: Redriven | undefined): string[] {
  return mark === undefined ? [] : [`${id} was re-driven already, ${formatInstant(mark.lastMs)}`]
}

function chosenOf({ found, marks, again }: Survey): readonly RedrivenLetter[] {
  return found.filter(({ id, isForeign }) => !isForeign && (again || !marks.has(id)))
}

function reportOf(survey: Survey): RedriveReport {
  const letters = chosenOf(survey).map(({ id, key, topic }) => ({ id, key, topic }))
  const foreign = survey.found.filter(({ isForeign }) => isForeign).length
  return { letters, redrivenBefore: survey.found.length - foreign - letters.length, foreign }
}
