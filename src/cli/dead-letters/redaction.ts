/** Secrets in what others wrote, taken out before a person sees it: a dead letter may hold the credentials of its client. */

const REDACTED = '(redacted)'
const SECRET_NAME = /^(?:proxy-)?authorization$/i

// RFC 9110, 11.4: a scheme and its token68. Wherever it stands, also where the text around it can't be read.
const CREDENTIALS = /\b(bearer|basic)(\s+)([\w.~+/=-]{8,})/gi

/** The text without what looks like credentials. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(CREDENTIALS, `$1$2${REDACTED}`)
}

// A token as a setting or a client may give one, without its scheme, as a command in Avro holds it.
const LONG_WORD = /[\x21-\x7e]{16,}/g

/** Bytes that nobody can decode, where each of a word that may be a credential is an asterisk. */
export function withLongWordsStarred(bytes: Buffer): Buffer {
  const starred = bytes.toString('latin1').replaceAll(LONG_WORD, (word) => '*'.repeat(word.length))
  return Buffer.from(starred, 'latin1')
}

/** Headers by name, those that hold credentials without them. */
export function redactedHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const shown = Object.entries(headers).map(([name, value]) => [name, SECRET_NAME.test(name) ? REDACTED : withoutCredentials(value)])
  return Object.fromEntries(shown) as Readonly<Record<string, string>>
}

/** For JSON.stringify: members of such a name at any depth. */
export function redactMember(name: string, value: unknown): unknown {
  return SECRET_NAME.test(name) && value !== null ? REDACTED : value
}

const STRING = /"(?:[^"\\]|\\.)*(?:"|\\?$)/gs
const AFTER_NAME = /\s*:\s*/y

/**
 * JSON, or what was meant to be, as it came but for the values of members of such a name. Works on text that is damaged or
 * ends in the middle: there, rather too much is taken out than too little.
 */
export function redactedJson(text: string): string {
  let shown = ''
  let at = 0
  for (const match of text.matchAll(STRING)) {
    if (match.index < at || !SECRET_NAME.test(nameOf(match[0]))) continue
    AFTER_NAME.lastIndex = match.index + match[0].length
    if (!AFTER_NAME.test(text)) continue
    const value = AFTER_NAME.lastIndex
    if (text.startsWith('null', value)) continue
    shown += `${text.slice(at, value)}"${REDACTED}"`
    at = valueEnd(text, value)
  }
  return withoutCredentials(shown + text.slice(at))
}

function nameOf(string: string): string {
  try {
    return String(JSON.parse(string))
  } catch {
    return ''
  }
}

const PIECE = /"(?:[^"\\]|\\.)*(?:"|\\?$)|[{}[\],]/gs

/** The index behind the value that begins there; the text's end when it does not end. */
function valueEnd(text: string, from: number): number {
  let open = 0
  PIECE.lastIndex = from
  for (let piece = PIECE.exec(text); piece !== null; piece = PIECE.exec(text)) {
    const [found] = piece
    const closes = found === '}' || found === ']'
    if (open === 0 && (closes || found === ',')) return piece.index
    if (found === '{' || found === '[') open += 1
    if (closes) open -= 1
    if (open === 0 && found !== ',') return PIECE.lastIndex
  }
  return text.length
}
