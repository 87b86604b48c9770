import { describe, expect, it } from 'vitest'
import { isAuthorized } from './basic-auth.ts'

describe('basic credentials', () => {
  const ours = { username: 'us', password: 'pä:ss' }
  const header = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

  it('are those that are configured, and no others', () => {
    expect(isAuthorized(header('us:pä:ss'), ours)).toBe(true)
    for (const other of [undefined, '', 'Basic', 'Bearer x', header('us:'), header('us:pä:s'), header(':pä:ss')]) {
      expect(isAuthorized(other, ours)).toBe(false)
    }
  })
})
