import { messageOf, ResponseCode } from '../domain/response-code.ts'
import type { SimulatedOperation } from './simulated-jobs.ts'

const PIECE_BYTES = 65_536
const FILLER = Buffer.alloc(PIECE_BYTES, 'abcdefghijklmnopqrstuvwxyz0123456789')
const RESULT_HEAD = '{"data":"'
const RESULT_TAIL = '"}'
/** Up to here a result is put together with its neighbours rather than written by itself. */
const SMALL_BYTES = 4_096

/**
 * A job's result as the contract has it, piece by piece, so that it may be larger than memory. Each operation that did
 * not fail has a result of `resultBytes` bytes.
 */
export function* resultPieces(
  operations: readonly SimulatedOperation[],
  fails: (operation: SimulatedOperation) => boolean,
  resultBytes: number,
): Generator<Buffer, void, undefined> {
  const fillerBytes = resultBytes - RESULT_HEAD.length - RESULT_TAIL.length
  const small = fillerBytes < 0 ? '{}' : RESULT_HEAD + FILLER.toString('latin1', 0, fillerBytes) + RESULT_TAIL
  let text = '{"data":{"responses":['
  let separator = ''
  for (const operation of operations) {
    const failed = fails(operation)
    text += separator + responseHead(operation, failed)
    separator = ','
    if (failed) {
      text += '{}}'
    } else if (resultBytes <= SMALL_BYTES) {
      text += `${small}}`
    } else {
      yield Buffer.from(text + RESULT_HEAD)
      for (let left = fillerBytes; left > 0; left -= PIECE_BYTES) yield FILLER.subarray(0, left)
      text = `${RESULT_TAIL}}`
    }
    if (text.length >= PIECE_BYTES) {
      yield Buffer.from(text)
      text = ''
    }
  }
  yield Buffer.from(`${text}]}}`)
}

function responseHead({ operationId, op, path }: SimulatedOperation, failed: boolean): string {
  const failure = op === 'read' ? ResponseCode.UnableToRead : ResponseCode.Rejected
  const code = failed ? failure : ResponseCode.Success
  const status = `"statusCode":${code},"statusMessage":${JSON.stringify(messageOf(code))}`
  const request = `{"op":${JSON.stringify(op)},"path":${JSON.stringify(path)}}`
  return `{"operationId":${JSON.stringify(operationId)},${status},"request":${request},"result":`
}
