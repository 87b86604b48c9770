/** Says what is missing of what was expected, and what is too many, each as often as it is. */
export function differences(what: string, expected: readonly string[], found: readonly string[]): readonly string[] {
  const left = new Map<string, number>()
  for (const each of expected) left.set(each, (left.get(each) ?? 0) + 1)
  for (const each of found) left.set(each, (left.get(each) ?? 0) - 1)
  return [...left].flatMap(([each, count]) => {
    return count === 0 ? [] : [`${what}: ${each} ${count > 0 ? 'is missing' : 'is too many'} (${Math.abs(count)})`]
  })
}
