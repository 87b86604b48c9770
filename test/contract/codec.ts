/** What every codec promises, whatever its bytes are (src/codec/codec.ts). */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Codec, Decoded } from '../../src/codec/codec.ts'
import type { SubjobStarted } from '../../src/domain/messages.ts'
import { anyMessage } from './codec-messages.ts'

type CodecUnderTest = Pick<Codec, 'encode'> & { decode(value: Buffer): Decoded | Promise<Decoded> }

const started: SubjobStarted = {
  ...{ type: 'SubjobStarted', jobId: 'job', index: 3, run: 1, attempt: 1, worker: 'w', dataProducerJobId: 'p', at: 1_700_000_000_000 },
}

export function exerciseCodec(name: string, open: () => Promise<CodecUnderTest>): void {
  describe(`a codec ${name}`, () => {
    let codec: CodecUnderTest

    beforeAll(async () => {
      codec = await open()
    })

    test('gives every message back as it was, at once when it has written it itself', () => {
      fc.assert(
        fc.property(anyMessage, (message) => {
          expect(codec.decode(codec.encode(message))).toEqual({ ok: true, message })
        }),
        { numRuns: 300 },
      )
    })

    test('leaves a message alone that it has encoded before', () => {
      const first = codec.encode(started)
      codec.encode({ ...started, jobId: 'another', worker: 'x'.repeat(200_000) })
      expect(codec.decode(first)).toEqual({ ok: true, message: started })
    })

    test('says why it can not read what is no message, and throws nothing', async () => {
      const cut = codec.encode(started).subarray(0, -3)
      for (const value of [Buffer.alloc(0), Buffer.from('{"type":'), Buffer.from('\u0001 neither'), cut]) {
        const decoded = await codec.decode(value)
        expect(decoded).toEqual({ ok: false, cause: expect.stringMatching(/./) as string })
      }
    })
  })
}
