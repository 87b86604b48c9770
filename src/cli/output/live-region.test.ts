import { describe, expect, it } from 'vitest'
import { LiveRegion } from './live-region.ts'
import type { Pane } from './screen.ts'

/** What a terminal shows after the sequences that the region uses. */
function shown(written: string): string[] {
  const lines: string[] = ['']
  let row = 0
  for (const [piece, up] of written.matchAll(/\x1b\[(\d+)A|\x1b\[[KJ]|\r|\n|[^\x1b\r\n]/g)) {
    if (up !== undefined) row -= Number(up)
    else if (piece === '\x1b[J') lines.length = row + 1
    else if (piece === '\n') {
      row += 1
      lines[row] ??= ''
    } else if (piece === '\r') lines[row] = ''
    else if (!piece.startsWith('\x1b')) lines[row] = (lines[row] ?? '') + piece
    if (piece === '\n') lines[row] = ''
  }
  return lines
}

function region(columns = 80): { live: LiveRegion; screen: () => string[] } {
  let written = ''
  const pane: Pane = {
    isTty: true,
    columns: () => columns,
    paint: (_, text) => text,
    write: (text) => {
      written += text
    },
  }
  return { live: new LiveRegion(pane), screen: () => shown(written) }
}

describe('LiveRegion', () => {
  it('draws over what it drew before, also when it gets shorter', () => {
    const { live, screen } = region()
    live.draw(['one', 'two', 'three'])
    live.draw(['1', '2'])
    expect(screen()).toEqual(['1', '2', ''])
  })

  it('keeps what is printed above it', () => {
    const { live, screen } = region()
    live.draw(['bar'])
    live.printAbove(['note'])
    live.draw(['bar 2'])
    expect(screen()).toEqual(['note', 'bar 2', ''])
  })

  it('never draws a line that would wrap', () => {
    const { live, screen } = region(5)
    live.draw(['abcdefgh'])
    expect(screen()).toEqual(['abc…', ''])
  })

  it('leaves nothing behind when cleared', () => {
    const { live, screen } = region()
    live.draw(['one', 'two'])
    live.clear()
    expect(screen()).toEqual([''])
  })
})
