import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignLanes, type LaneMember } from './assign-lanes.ts'

const LANES_MAX = 40

/** A group in any condition: claims may overlap, name lanes that are gone, and be of any age. */
const anyGroup = fc.record({
  count: fc.integer({ min: 0, max: LANES_MAX }),
  members: fc.uniqueArray(
    fc.record({
      memberId: fc.string({ minLength: 1, maxLength: 6 }),
      generation: fc.integer({ min: -1, max: 5 }),
      lanes: fc.uniqueArray(fc.integer({ min: 0, max: LANES_MAX + 5 })),
    }),
    { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 12 },
  ),
})

const claim = (members: readonly LaneMember[], assignment: ReadonlyMap<string, readonly number[]>, generation: number): LaneMember[] =>
  members.map(({ memberId }) => ({ memberId, generation, lanes: assignment.get(memberId) ?? [] }))

describe('the assignment of lanes', () => {
  it('gives every lane to exactly one member, and every member an even share', () => {
    fc.assert(
      fc.property(anyGroup, ({ count, members }) => {
        const assignment = assignLanes(count, members)
        expect([...assignment.keys()].sort()).toEqual(members.map(({ memberId }) => memberId).sort())
        const lanes = [...assignment.values()].flat().sort((a, b) => a - b)
        expect(lanes).toEqual(Array.from({ length: count }, (_, lane) => lane))
        const sizes = [...assignment.values()].map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('says the same whoever of the group is asked: the order of the members does not matter', () => {
    const shuffled = anyGroup.chain((group) =>
      fc.record({ group: fc.constant(group), order: fc.shuffledSubarray(group.members, { minLength: group.members.length }) }),
    )
    fc.assert(
      fc.property(shuffled, ({ group: { count, members }, order }) => {
        expect(assignLanes(count, order)).toEqual(assignLanes(count, members))
      }),
    )
  })

  it('moves nothing when nobody came or left', () => {
    fc.assert(
      fc.property(anyGroup, ({ count, members }) => {
        const assignment = assignLanes(count, members)
        expect(assignLanes(count, claim(members, assignment, 9))).toEqual(assignment)
      }),
    )
  })

  it('moves as few lanes as an even share allows', () => {
    const changed = anyGroup.chain(({ count, members }) =>
      fc.record({
        count: fc.constant(count),
        stay: fc.subarray(claim(members, assignLanes(count, members), 9)),
        come: fc.uniqueArray(fc.stringMatching(/^new [a-f0-9]{1,3}$/), { minLength: 1, maxLength: 5 }),
      }),
    )
    fc.assert(
      fc.property(changed, ({ count, stay, come }) => {
        const members = [...stay, ...come.map((memberId) => ({ memberId, generation: -1, lanes: [] }))]
        const assignment = assignLanes(count, members)
        const kept = stay.map(({ memberId, lanes }) => lanes.filter((lane) => assignment.get(memberId)?.includes(lane)).length)
        // No even assignment can do better: a member keeps its share at most, and only so many shares are the larger ones.
        const share = Math.floor(count / members.length)
        const larger = Math.min(count % members.length, stay.filter(({ lanes }) => lanes.length > share).length)
        const best = stay.reduce((sum, { lanes }) => sum + Math.min(lanes.length, share), larger)
        expect(kept.reduce((sum, lanes) => sum + lanes, 0)).toBe(best)
      }),
    )
  })

  it('believes the later of two members that claim the same lanes', () => {
    const away = { memberId: 'a', generation: 3, lanes: [0, 1] }
    const successor = { memberId: 'b', generation: 4, lanes: [0, 1] }
    const assignment = assignLanes(4, [away, successor])
    expect(assignment.get('b')).toEqual([0, 1])
    expect(assignment.get('a')).toEqual([2, 3])
  })
})
