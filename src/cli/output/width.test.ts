import { describe, expect, it } from 'vitest'
import { clipVisible, oneLine, padVisible, visibleWidth } from './width.ts'

const red = (text: string): string => `\x1b[31m${text}\x1b[39m`

describe('text with colours', () => {
  it('is as wide as what is seen of it', () => {
    expect(visibleWidth(red('abc') + ' d')).toBe(5)
    expect(visibleWidth('━━😀')).toBe(3)
  })

  it('is padded by what is seen of it', () => {
    expect(padVisible(red('ab'), 4, 'left')).toBe(`${red('ab')}  `)
    expect(padVisible(red('ab'), 4, 'right')).toBe(`  ${red('ab')}`)
    expect(padVisible('abcde', 4, 'right')).toBe('abcde')
  })

  it('is cut by what is seen of it, and leaves no colour switched on', () => {
    expect(clipVisible('abcdef', 6)).toBe('abcdef')
    expect(clipVisible('abcdef', 4)).toBe('abc…')
    expect(clipVisible(`${red('abc')}def`, 4)).toBe(`${red('abc')}…`)
    expect(clipVisible(red('abcdef'), 3)).toBe(red('ab…'))
  })
})

describe('oneLine', () => {
  it('shows control characters instead of obeying them', () => {
    expect(oneLine('a\x1b[2Jb\nc')).toBe('a�[2Jb�c')
  })
})
