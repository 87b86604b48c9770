import { describe, expect, it } from 'vitest'
import { barWidth, formatProgress, renderBar } from './progress-bar.ts'
import type { Paint } from './screen.ts'

const plain: Paint = (_, text) => text
const marked: Paint = (style, text) => (text === '' ? '' : `<${[style].flat().join('+')}:${text.length}>`)

describe('renderBar', () => {
  it('grows with what is done', () => {
    expect(renderBar({ total: 10, succeeded: 0, failed: 0 }, 10, plain)).toBe('··········')
    expect(renderBar({ total: 10, succeeded: 4, failed: 1 }, 10, plain)).toBe('━━━━━·····')
    expect(renderBar({ total: 10, succeeded: 10, failed: 0 }, 10, plain)).toBe('━━━━━━━━━━')
  })

  it('shows a failure, however small its share', () => {
    expect(renderBar({ total: 1_000, succeeded: 999, failed: 1 }, 10, marked)).toBe('<green:9><red:1>')
    expect(renderBar({ total: 10, succeeded: 4, failed: 1 }, 10, marked)).toBe('<green:4><red:1><dim:5>')
  })

  it('is empty for a job of which nothing is known yet', () => {
    expect(renderBar({ total: 0, succeeded: 0, failed: 0 }, 4, plain)).toBe('····')
  })
})

describe('barWidth', () => {
  it('stays between its bounds', () => {
    expect(barWidth(80, 50)).toBe(29)
    expect(barWidth(200, 50)).toBe(40)
    expect(barWidth(30, 50)).toBe(10)
  })
})

describe('formatProgress', () => {
  it('keeps its width while it counts', () => {
    expect(formatProgress({ total: 500, succeeded: 7, failed: 1 })).toBe('  8/500')
  })
})
