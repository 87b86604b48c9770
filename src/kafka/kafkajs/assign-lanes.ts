/** A member of the group, and the lanes that it says it owns since a generation of the group. */
export interface LaneMember {
  readonly memberId: string
  readonly generation: number
  readonly lanes: readonly number[]
}

/**
 * Gives lanes 0 to `count` - 1 to the members: shares differ by one at most, and as few lanes move as that allows. Of two
 * members that claim the same lane, the one with the later generation has it; the other was away meanwhile. The answer does
 * not depend on the order of the members.
 */
export function assignLanes(count: number, members: readonly LaneMember[]): Map<string, number[]> {
  const owned = settleClaims(count, members)
  const shares = shareOut(count, owned)
  const assignment = new Map<string, number[]>()
  const free = new Set(Array.from({ length: count }, (_, lane) => lane))
  for (const [memberId, lanes] of owned) {
    const kept = lanes.slice(0, shares.get(memberId))
    assignment.set(memberId, kept)
    for (const lane of kept) free.delete(lane)
  }
  for (const [memberId, lanes] of assignment) {
    const wanted = (shares.get(memberId) ?? 0) - lanes.length
    for (const lane of [...free].slice(0, wanted)) {
      lanes.push(lane)
      free.delete(lane)
    }
    lanes.sort((a, b) => a - b)
  }
  return assignment
}

function settleClaims(count: number, members: readonly LaneMember[]): Map<string, number[]> {
  const claimants = [...members].sort((a, b) => b.generation - a.generation || compare(a.memberId, b.memberId))
  const owned = new Map(claimants.map(({ memberId }) => [memberId, [] as number[]]))
  const taken = new Set<number>()
  for (const { memberId, lanes } of claimants) {
    for (const lane of [...lanes].sort((a, b) => a - b)) {
      if (lane < 0 || lane >= count || taken.has(lane)) continue
      taken.add(lane)
      owned.get(memberId)?.push(lane)
    }
  }
  return owned
}

// Those who own most get the larger shares: each such share saves one lane from moving.
function shareOut(count: number, owned: ReadonlyMap<string, readonly number[]>): Map<string, number> {
  const bySize = [...owned].sort(([a, ofA], [b, ofB]) => ofB.length - ofA.length || compare(a, b))
  const share = Math.floor(count / Math.max(1, bySize.length))
  const larger = count - share * bySize.length
  return new Map(bySize.map(([memberId], rank) => [memberId, rank < larger ? share + 1 : share]))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
