const SNIPPET_LENGTH_MAX = 200
// What is looked at to find that many characters that are not spaces.
const LOOKED_AT_LENGTH_MAX = 2_000

/** The beginning of a body for a message: on one line, shortened, with every given secret struck out. */
export function snippet(body: Buffer, secrets: readonly string[]): string {
  let text = body.toString()
  // Struck out before anything is cut, for half a secret would not be recognised.
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '***')
  const line = text.slice(0, LOOKED_AT_LENGTH_MAX).replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > SNIPPET_LENGTH_MAX ? `${line.slice(0, SNIPPET_LENGTH_MAX - 1)}…` : line
}
