/** Enough for what many have in common; what is not common would only push that out. */
const KNOWN_MAX = 1_000

/** Gives one string for all equal ones: each record that is read has strings of its own, and what stays in memory need not keep them. */
export class SharedStrings {
  readonly #known = new Map<string, string>()

  of(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    if (this.#known.size >= KNOWN_MAX) this.#known.clear()
    this.#known.set(text, text)
    return text
  }
}
