/** A piece of a word: plain, kept by a backslash, or in quotes. */
const PIECE = /\\([^])|'([^']*)'|"((?:[^"\\]|\\[^])*)"|([^\s'"\\]+)/y
const BLANK = /\s+/y

/**
 * The words of a command, as a POSIX shell cuts them (POSIX.1-2017, XCU 2.2 and 2.6.5): apart at blanks, together in quotes, a backslash
 * keeps what follows it. Nothing is expanded. Null where a quote is not closed, or a backslash is last.
 */
export function commandWords(text: string): readonly string[] | null {
  const words: string[] = []
  let word: string | null = null
  let at = 0
  while (at < text.length) {
    const blank = match(BLANK, text, at)
    const piece = blank === null ? match(PIECE, text, at) : null
    if (blank === null && piece === null) return null
    at += (blank ?? piece)?.[0].length ?? 0
    if (piece !== null) word = (word ?? '') + textOf(piece)
    else if (word !== null) words.push(word)
    if (piece === null) word = null
  }
  return word === null ? words : [...words, word]
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

// Between double quotes a backslash keeps only what would mean something there.
function textOf([, kept, single, double, plain]: RegExpExecArray): string {
  return kept ?? single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? plain ?? ''
}
