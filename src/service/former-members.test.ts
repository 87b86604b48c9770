import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FormerMembers, isAlive } from './former-members.ts'

const [DEAD, ALIVE, OWN] = [11, 12, 13]
const logger = { warn: vi.fn() }
let dataFolder: string

beforeEach(() => {
  dataFolder = mkdtempSync(join(tmpdir(), 'datajob-members-'))
  vi.clearAllMocks()
})

afterEach(() => {
  rmSync(dataFolder, { recursive: true, force: true })
})

function membersOf(pid: number): FormerMembers {
  return new FormerMembers({ dataFolder, pid, isAlive: (other) => other === ALIVE, logger })
}

async function dismissedBy(members: FormerMembers): Promise<readonly string[]> {
  const dismissMember = vi.fn<(groupId: string, memberId: string) => Promise<void>>().mockResolvedValue()
  await members.dismiss({ dismissMember })
  return dismissMember.mock.calls.map(([groupId, memberId]) => `${groupId}: ${memberId}`)
}

describe('members of before', () => {
  it('are dismissed once, as what their groups knew them as last', async () => {
    const before = membersOf(DEAD)
    before.remember('coordinator', 'a-1')
    before.remember('dispatcher', 'b-1')
    before.remember('coordinator', 'a-2')
    expect(await dismissedBy(membersOf(OWN))).toEqual(['coordinator: a-2', 'dispatcher: b-1'])
    expect(await dismissedBy(membersOf(OWN))).toEqual([])
    expect(readdirSync(join(dataFolder, 'members'))).toEqual([])
  })

  it('are left in peace while they live, but for one that had our own id, as the first in a container has', async () => {
    membersOf(ALIVE).remember('coordinator', 'alive')
    membersOf(OWN).remember('coordinator', 'own')
    expect(await dismissedBy(membersOf(OWN))).toEqual(['coordinator: own'])
    expect(readdirSync(join(dataFolder, 'members'))).toEqual([`${ALIVE}.json`])
  })

  it.each(['', '[', 'null', '7', '{"group":3}'])('are none where a file holds %j', async (content) => {
    mkdirSync(join(dataFolder, 'members'))
    writeFileSync(join(dataFolder, 'members', `${DEAD}.json`), content)
    expect(await dismissedBy(membersOf(OWN))).toEqual([])
  })

  it('stay remembered where Kafka refuses', async () => {
    membersOf(DEAD).remember('coordinator', 'a')
    await membersOf(OWN).dismiss({ dismissMember: () => Promise.reject(new Error('not now')) })
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(await dismissedBy(membersOf(OWN))).toEqual(['coordinator: a'])
  })

  it('do not matter to who can write no file', async () => {
    writeFileSync(join(dataFolder, 'members'), '')
    const members = membersOf(OWN)
    members.remember('coordinator', 'a')
    expect(await dismissedBy(members)).toEqual([])
    expect(logger.warn).toHaveBeenCalledTimes(1)
  })
})

it('knows whether a process runs', () => {
  expect([isAlive(process.pid), isAlive(2 ** 30)]).toEqual([true, false])
})
