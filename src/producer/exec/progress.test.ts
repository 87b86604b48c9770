import { describe, expect, it } from 'vitest'
import { progressIn } from './progress.ts'

describe('progress', () => {
  it('is what the last complete line says', () => {
    expect(progressIn('10\n40 tile 4 of 10\n50 hal')).toEqual({ percent: 40, message: 'tile 4 of 10' })
    expect(progressIn('12.5 %\n')).toEqual({ percent: 12.5, message: null })
  })

  it('is not what is no number from 0 to 100', () => {
    expect(progressIn('30 a\nhello\n101 b\n-1 c\n')).toEqual({ percent: 30, message: 'a' })
    expect(progressIn('')).toBeNull()
  })
})
