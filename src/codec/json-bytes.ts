/** JSON at the level of its bytes. Every byte above 0x7f is part of a string, so UTF-8 needs no decoding here. */

export const QUOTE = 0x22
export const COMMA = 0x2c
export const COLON = 0x3a
export const OPEN_ARRAY = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_ARRAY = 0x5d
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d

/** A table by byte: 1 for those given. */
export function tableOf(bytes: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const byte of Buffer.from(bytes)) table[byte] = 1
  return table
}

/** Tables by byte: 1 where the byte is of the kind. */
export const IS_SPACE = tableOf(' \t\n\r')
export const IS_QUOTE_OR_BRACKET = tableOf('"{}[]')
export const STARTS_SCALAR = tableOf('-0123456789tfn')
export const ENDS_SCALAR = tableOf(' \t\n\r,:]}[{"')

/** A number, `true`, `false` or `null`. */
export const SCALAR = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/

/** A string that is still open at the chunk's end. */
export const OPEN = -1
/** The same, where the chunk's last byte is a backslash that escapes the next chunk's first byte. */
export const OPEN_ESCAPED = -2

/** Strings are mostly short, and there a loop beats the call of `indexOf`, which beats the loop on the long ones. */
const NEAR_BYTES = 32

/** The index behind the quote that ends the string around `from`, or OPEN or OPEN_ESCAPED. */
export function stringEnd(chunk: Buffer, from: number): number {
  const length = chunk.length
  let i = from
  for (;;) {
    const near = Math.min(i + NEAR_BYTES, length)
    while (i < near) {
      const byte = chunk[i] as number
      if (byte === QUOTE) return i + 1
      i += byte === BACKSLASH ? 2 : 1
    }
    if (i >= length) return i === length ? OPEN : OPEN_ESCAPED
    const quote = chunk.indexOf(QUOTE, i)
    const stop = quote === -1 ? length : quote
    let slash = stop
    while (slash > i && chunk[slash - 1] === BACKSLASH) slash -= 1
    const escaped = (stop - slash) % 2 === 1
    if (quote === -1) return escaped ? OPEN_ESCAPED : OPEN
    i = quote + 1
    if (!escaped) return i
  }
}
