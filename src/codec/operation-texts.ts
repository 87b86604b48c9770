/** The JSON texts of an operation, which go into requests to producers as they are: here is checked that they are JSON. */
import { membersOf } from './json-members.ts'
import { JsonScanError } from './json-scan-error.ts'

/** Objects and arrays that may be open at once in a command, or in one value or options of it. */
export const NESTING_MAX = 64

/** What a read may ask for beside the path; contract page, "Operations". */
export const OPTION_NAMES: readonly string[] = ['attributes', 'fields', 'filter', 'scopeType', 'scopeLevel']

/** What is wrong with the text of a value, or null. */
export function valueFault(text: string, depthMax: number): string | null {
  try {
    JSON.parse(text)
  } catch (error) {
    return `it is not valid JSON: ${reasonOf(error)}`
  }
  return isDeeper(text, depthMax) ? `objects and arrays in it are nested deeper than the ${depthMax} allowed` : null
}

/** What is wrong with the text of options, or null. */
export function optionsFault(bytes: Buffer, depthMax: number): string | null {
  try {
    const seen = new Set<string>()
    for (const { name, raw } of membersOf(bytes, depthMax)) {
      if (!OPTION_NAMES.includes(name)) return `"${clip(name)}" is not one of ${OPTION_NAMES.join(', ')}`
      if (seen.has(name)) return `"${name}" is there twice`
      seen.add(name)
      JSON.parse(raw.toString())
    }
    return null
  } catch (error) {
    if (error instanceof JsonScanError || error instanceof SyntaxError) return `it is not a valid JSON object: ${error.message}`
    throw error
  }
}

const SHOWN_MAX = 80

export function clip(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
}

// V8 quotes what it failed on, which may be all of the client's data.
export function reasonOf(error: unknown): string {
  return clip(error instanceof Error ? error.message : String(error))
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Whether more than `depthMax` brackets are open somewhere in a text that is valid JSON. */
function isDeeper(text: string, depthMax: number): boolean {
  if (text.length <= depthMax * 2) return false
  let depth = 0
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) i = endOfString(text, i + 1)
    else if (code === 0x7b || code === 0x5b) depth += 1
    else if (code === 0x7d || code === 0x5d) depth -= 1
    if (depth > depthMax) return true
  }
  return false
}

/** The index of the quote that ends the string whose first character is at `from`. */
function endOfString(text: string, from: number): number {
  let i = from
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1
  return i
}
