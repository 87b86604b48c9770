import { describe, expect, it } from 'vitest'
import { type Figure, judged, quantile } from './figures.ts'
import { short, table } from './report.ts'

const figure: Figure = {
  ...{ scenario: 'subjobs', unit: 'subjobs/s', ours: [300, 100, 200], peer: [50, 150, 100], peerName: 'Peer' },
  target: { type: 'timesPeer', atLeast: 2 },
}

describe('a figure', () => {
  it('is judged by medians, against the peer of the same run', () => {
    expect(judged(figure)).toMatchObject({ ours: 200, peer: 100, ratio: 2, target: 'at least 2 times Peer', met: true })
    expect(judged({ ...figure, ours: [199] })).toMatchObject({ ratio: 1.99, met: false })
  })

  it('is not judged against a peer that is not there', () => {
    expect(judged({ ...figure, peer: [] })).toMatchObject({ peer: null, ratio: null, met: null })
  })

  it('is judged against a number, which it may reach', () => {
    expect(judged({ ...figure, target: { type: 'number', atMost: 200 } })).toMatchObject({ target: 'at most 200 subjobs/s', met: true })
    expect(judged({ ...figure, target: { type: 'number', atLeast: 201 } })).toMatchObject({ met: false })
  })

  it('is only told where it has no target', () => {
    expect(judged({ ...figure, target: null })).toMatchObject({ target: null, met: null })
  })
})

describe('a quantile', () => {
  it('lies between neighbours', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
    expect(quantile([1], 0.99)).toBe(1)
  })

  it('of nothing there is none', () => {
    expect(() => quantile([], 0.5)).toThrow('nothing')
  })
})

it('the table says in its last column what was met', () => {
  const [head, row] = table([judged(figure)]).split('\n')
  expect(head).toMatch(/^scenario .* met$/)
  expect(row).toMatch(/^subjobs +200 +100\.\.300 +100 Peer +50\.\.150 +2 +subjobs\/s +at least 2 times Peer +yes$/)
})

it('numbers are short, and none is cut to nothing', () => {
  expect([1234.5, 12.345, 0.01234].map(short)).toEqual(['1235', '12.3', '0.0123'])
})
