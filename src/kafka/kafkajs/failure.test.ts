import kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { KafkaFailure } from '../port.ts'
import { toKafkaFailure } from './failure.ts'

const protocolError = (type: string, code: number, message = type): Error =>
  Object.assign(new Error(message), { name: 'KafkaJSProtocolError', type, code })

const wrapped = (error: Error): Error => Object.assign(new kafkajs.KafkaJSNonRetriableError(error), { cause: error })

describe('the failure that an error of kafkajs amounts to', () => {
  it('has the name that Kafka gives to the code, not the one of kafkajs', () => {
    const failure = toKafkaFailure(protocolError('NOT_COORDINATOR_FOR_GROUP', 16), 'joining', 'call')
    expect(failure).toMatchObject({ code: 'NOT_COORDINATOR', disposition: 'retry', topic: null })
  })

  it('is found under what kafkajs wraps around it', () => {
    const retries = new kafkajs.KafkaJSNumberOfRetriesExceeded(protocolError('MESSAGE_TOO_LARGE', 10), { retryCount: 1, retryTime: 1 })
    expect(toKafkaFailure(wrapped(retries), 'sending', 'call')).toMatchObject({ code: 'MESSAGE_TOO_LARGE', disposition: 'reject' })
  })

  it('is known by its number where kafkajs does not know the code', () => {
    const fenced = protocolError('KAFKAJS_UNKNOWN_ERROR_CODE', -99, 'Unknown error code 90')
    expect(toKafkaFailure(fenced, 'committing', 'transaction')).toMatchObject({ code: 'PRODUCER_FENCED', disposition: 'fenced' })
  })

  it('is a restart where a transaction is at stake and the call might be repeated: its producer is spent', () => {
    const moved = protocolError('NOT_LEADER_FOR_PARTITION', 6)
    expect(toKafkaFailure(moved, 'committing', 'transaction').disposition).toBe('restart')
    expect(toKafkaFailure(moved, 'sending', 'call').disposition).toBe('retry')
  })

  it('never tells a call that stands alone to start a lane again, or that it was fenced', () => {
    for (const code of [7, 47]) expect(toKafkaFailure(protocolError('?', code), 'sending', 'call').disposition).toBe('retry')
    const incomplete = new KafkaFailure('half an answer', { code: 'ANSWER_INCOMPLETE', disposition: 'restart', topic: 't' })
    expect(toKafkaFailure(incomplete, 'sending', 'call')).toMatchObject({ disposition: 'retry', code: 'ANSWER_INCOMPLETE', topic: 't' })
    expect(toKafkaFailure(incomplete, 'committing', 'transaction')).toBe(incomplete)
  })

  it.each([
    [Object.assign(new Error('refused'), { name: 'KafkaJSConnectionError', code: 'ECONNREFUSED' }), 'CONNECTION_FAILED'],
    [Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError', code: undefined }), 'CONNECTION_FAILED'],
    [Object.assign(new Error('late'), { name: 'KafkaJSRequestTimeoutError' }), 'REQUEST_TIMED_OUT_AT_CLIENT'],
    [Object.assign(new Error('LZ4 compression not implemented'), { name: 'KafkaJSNotImplemented' }), 'RECORDS_UNREADABLE'],
    [new TypeError('a defect'), 'UNKNOWN'],
    ['not even an error', 'UNKNOWN'],
  ])('calls %s %s', (error, code) => {
    expect(toKafkaFailure(error, 'trying', 'transaction').code).toBe(code)
  })

  it('keeps the name of the topic and the original error', () => {
    const error = Object.assign(protocolError('INVALID_RECORD', 87), { topic: 'jobs' })
    const failure = toKafkaFailure(wrapped(error), 'sending', 'call')
    expect(failure).toMatchObject({ topic: 'jobs', message: 'sending: INVALID_RECORD (topic jobs): INVALID_RECORD' })
    expect((failure.cause as Error).cause).toBe(error)
  })

  it('takes the first of several refused topics', () => {
    const refused = Object.assign(protocolError('INVALID_CONFIG', 40), { topic: 'odd' })
    const aggregate = new kafkajs.KafkaJSAggregateError('Topic creation errors', [refused])
    expect(toKafkaFailure(aggregate, 'creating', 'call')).toMatchObject({ code: 'INVALID_CONFIG', topic: 'odd' })
  })
})
