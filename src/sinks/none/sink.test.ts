import { expect, test } from 'vitest'
import { bodyOf, responseTo, sourceOf, subjobFor } from '../../../test/contract/sinks.ts'
import { NoneSink } from './sink.ts'

test('results of a job without a destination are counted, and nothing is written', async () => {
  const sink = new NoneSink()
  const subjob = subjobFor('', 3)
  const body = bodyOf([responseTo(subjob.operations[0]!), responseTo(subjob.operations[1]!, { statusCode: 104 })])
  expect(await sink.publish(subjob, await sourceOf(sink, body))).toEqual({
    records: [],
    object: null,
    succeeded: 1,
    failed: 2,
    foreign: 0,
    message: "1 of 3 operations are not in the producer's result",
  })
  expect(await sink.conclude()).toEqual([])
})
