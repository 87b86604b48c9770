/** Text with colours in it, measured and cut by what is seen of it. */
import { stripVTControlCharacters } from 'node:util'

export function visibleWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length
}

export function padVisible(text: string, width: number, align: 'left' | 'right'): string {
  const padding = ' '.repeat(Math.max(0, width - visibleWidth(text)))
  return align === 'left' ? text + padding : padding + text
}

// A colour sequence, or one character.
const PIECE = /\x1b\[[0-9;]*m|[\s\S]/gu

/** Cuts to the width; colours that were switched on in the rest are switched off as well, those before stay whole. */
export function clipVisible(text: string, width: number): string {
  if (visibleWidth(text) <= width) return text
  let seen = 0
  let clipped = ''
  for (const [piece] of text.matchAll(PIECE)) {
    if (piece.startsWith('\x1b')) clipped += piece
    else if (seen < width - 1) {
      clipped += piece
      seen += 1
    } else if (seen === width - 1) {
      clipped += '…'
      seen += 1
    }
  }
  return clipped
}

// Control characters would move the cursor or colour the screen of whoever looks at a client's text.
const CONTROL = /\p{Cc}/gu

/** A text that came from elsewhere, safe to show on one line. */
export function oneLine(text: string): string {
  return text.replaceAll(CONTROL, '�')
}
