/** Reads what is to be echoed: the contract's body, each operation with the inputs of a process as its value. */
import { messageOf, ResponseCode } from '../../domain/response-code.ts'
import type { EchoOrder } from './echo-jobs.ts'

export type ReadOrder =
  | { readonly ok: true; readonly order: EchoOrder; readonly dataProducerId: string }
  | { readonly ok: false; readonly message: string }

const PAUSE_S_MAX = 3_600

/** Each input but `pause`, which is in seconds, is the output of the same name. The longest pause of a submission is all of its. */
export function readEchoOrder(body: unknown): ReadOrder {
  const { data, dataProducerId } = membersOf(body)
  if (!Array.isArray(data) || data.length === 0) return { ok: false, message: 'data is missing, empty, or no list' }
  const responses: object[] = []
  let pauseMs = 0
  for (const [at, each] of (data as readonly unknown[]).entries()) {
    const { operationId, op, path, value } = membersOf(each)
    const { inputs } = membersOf(membersOf(value)['input'])
    if (typeof inputs !== 'object' || inputs === null) return { ok: false, message: `data[${at}].value.input.inputs is missing` }
    const { pause = 0, ...outputs } = membersOf(inputs)
    if (typeof pause !== 'number' || pause < 0 || pause > PAUSE_S_MAX) {
      return { ok: false, message: `data[${at}].value.input.inputs.pause is no number from 0 to ${PAUSE_S_MAX}` }
    }
    pauseMs = Math.max(pauseMs, 1_000 * pause)
    const done = { statusCode: ResponseCode.Success, statusMessage: messageOf(ResponseCode.Success) }
    responses.push({ operationId, ...done, request: { op, path }, result: { outputs } })
  }
  const order = { responses: JSON.stringify(responses), pauseMs }
  return { ok: true, order, dataProducerId: typeof dataProducerId === 'string' ? dataProducerId : '' }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
