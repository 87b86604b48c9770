/** What a service needs to find, and what it says when it does not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'

const EXIT_USAGE = 2

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
