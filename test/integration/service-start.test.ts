/** What a service needs to find, what it says when it does not, and how it stops when a client holds it up. */
import { once } from 'node:events'
import { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'

const EXIT_USAGE = 2
const JSON_OF_1_MB = 'content-type: application/json\r\ncontent-length: 1000000'

interface Line {
  readonly msg: string
}

let installation: Installation

beforeAll(async () => {
  installation = await Installation.open('start', givenStack())
})

afterAll(async () => {
  await installation.close()
})

describe('a service does not start', () => {
  it('on topics that are not there, and names them with the command that makes them', async () => {
    const refused = await installation.refusedService('no-topics', { DATAJOB_TOPIC_PREFIX: 'nobody-made-these.' })
    expect(refused.exit.code).toBe(EXIT_USAGE)
    expect(refused.said).toContain('nobody-made-these.commands')
    expect(refused.said).toContain('datajob topics apply')
  })

  it('on topics with another number of partitions, where it would look for jobs in the wrong lanes', async () => {
    const refused = await installation.refusedService('other-partitions', { DATAJOB_PARTITIONS: '6' })
    expect(refused.exit.code).toBe(EXIT_USAGE)
    expect(refused.said).toContain(`${installation.prefix}commands has 4, not 6`)
  })
})

describe('a service that is stopped', () => {
  const stopped = async (shutdownTimeoutMs: number, meanwhile: (url: URL) => Promise<unknown>): Promise<readonly Line[]> => {
    const settings = { DATAJOB_SHUTDOWN_TIMEOUT_MS: String(shutdownTimeoutMs) }
    const { child, client } = await installation.service(`stopped-${shutdownTimeoutMs}`, { settings })
    await client.ready()
    await meanwhile(new URL(client.url))
    await child.stopCleanly()
    return child.log().map((line) => JSON.parse(line) as Line)
  }

  it('hands its work over though a client goes on sending, which is cut off', async () => {
    const sending = new Socket()
    const cut = once(sending, 'close')
    const said = await stopped(12_000, async ({ hostname, port }) => {
      const begun = once(sending, 'data')
      sending.connect(Number(port), hostname)
      sending.write(`POST /ranoam/cm/v1/dataJob HTTP/1.1\r\nhost: x\r\n${JSON_OF_1_MB}\r\nexpect: 100-continue\r\n\r\n{"data":[`)
      expect(String(await begun)).toContain('100 Continue')
    })
    await cut
    expect(said.at(-1)).toMatchObject({ msg: 'stopped', exitCode: 0 })
    expect(said.map(({ msg }) => msg).filter((msg) => msg.includes('too long'))).toEqual([])
  })

  it('ends with 0 when its time is over first, and says what it waited for', async () => {
    const said = await stopped(100, () => Promise.resolve())
    const late = { msg: 'stopping takes too long: giving up on the rest', part: expect.any(String) as string, shutdownTimeoutMs: 100 }
    expect(said).toContainEqual(expect.objectContaining(late))
  })
})
