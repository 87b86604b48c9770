/** Puts results that came in parts back into the events that refer to them (docs/results.md, "Results in parts"). */
import type { InputRecord } from '../kafka/port.ts'
import { PART_OF_HEADER } from '../sinks/kafka/event-headers.ts'
import { member, parsed } from './result-event.ts'

type Deliver = (record: InputRecord) => void

/** A reference as it is written; within a JSON text its quotes would be escaped. */
const REFERENCE = /"resultParts":(\{"id":"(?:[^"\\]|\\.)*","count":\d+,"bytes":\d+\})/g
const REFERENCE_START = '"resultParts":{'

interface Reference {
  readonly id: string
  readonly count: number
}

export class WholeEvents {
  readonly #deliver: Deliver
  /** Pieces by the result's id. */
  readonly #pieces = new Map<string, Buffer[]>()
  #waiting: readonly { readonly record: InputRecord; readonly references: readonly Reference[] }[] = []

  /** `deliver` is called with each event, once all of it is there; parts are no events of their own then. */
  constructor(deliver: Deliver) {
    this.#deliver = deliver
  }

  take(record: InputRecord): void {
    const id = record.headers[PART_OF_HEADER]
    if (id === undefined) {
      this.#takeEvent(record)
      return
    }
    const part = member(member(parsed(record.value), 'data'), 'part')
    const pieces = this.#pieces.get(id) ?? []
    pieces.push(Buffer.from(typeof part === 'string' ? part : '', 'base64'))
    this.#pieces.set(id, pieces)
    this.#deliverWhole()
  }

  /** Nothing more comes: what misses parts is delivered as it is. */
  end(): void {
    for (const { record } of this.#waiting) this.#deliver(record)
    this.#waiting = []
  }

  #takeEvent(record: InputRecord): void {
    const isCut = record.value?.includes(REFERENCE_START) === true
    const texts = isCut ? Array.from(String(record.value).matchAll(REFERENCE), ([, reference]) => reference) : []
    const references = texts.map((text) => JSON.parse(text ?? '') as Reference)
    this.#waiting = [...this.#waiting, { record, references }]
    this.#deliverWhole()
  }

  #deliverWhole(): void {
    const isWhole = ({ id, count }: Reference): boolean => this.#pieces.get(id)?.length === count
    const whole = this.#waiting.filter(({ references }) => references.every(isWhole))
    if (whole.length === 0) return
    this.#waiting = this.#waiting.filter((event) => !whole.includes(event))
    for (const { record, references } of whole) {
      this.#deliver(references.length === 0 ? record : { ...record, value: this.#joined(record) })
      for (const { id } of references) this.#pieces.delete(id)
    }
  }

  #joined({ value }: InputRecord): Buffer {
    const data = member(parsed(value), 'data')
    const ofAll = member(member(data, 'resultParts'), 'id')
    const format = member(data, 'resultFormat')
    const text = String(value).replaceAll(REFERENCE, (_, reference: string) => {
      const { id } = JSON.parse(reference) as Reference
      const bytes = Buffer.concat(this.#pieces.get(id) ?? [])
      return `"result":${jsonOf(bytes, id === ofAll ? format : undefined)}`
    })
    return Buffer.from(text)
  }
}

function jsonOf(bytes: Buffer, format: unknown): string {
  if (format === undefined) return bytes.toString()
  return JSON.stringify(bytes.toString(format === 'binary' ? 'base64' : 'utf8'))
}
