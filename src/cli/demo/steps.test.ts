import { describe, expect, it } from 'vitest'
import { ManualTime } from '../../../test/fakes/manual-time.ts'
import { Board } from '../output/board.ts'
import type { Pane } from '../output/screen.ts'
import { Steps } from './steps.ts'

function stage(isTty: boolean): { time: ManualTime; steps: Steps; written: () => string } {
  let text = ''
  const pane: Pane = {
    isTty,
    columns: () => 80,
    paint: (_, shown) => shown,
    write: (written) => {
      text += written
    },
  }
  const time = new ManualTime()
  return { time, steps: new Steps(new Board(pane, time), pane, time), written: () => text }
}

describe('Steps', () => {
  it('are lines with their times where there is no terminal', async () => {
    const { time, steps, written } = stage(false)
    const value = await steps.run('stack', (say) => {
      say('starting…')
      time.pass(1_500)
      return Promise.resolve({ text: 'it runs', value: 7 })
    })
    expect(value).toBe(7)
    expect(written().split('\n')).toEqual([
      '  · stack                  starting…',
      '  ✔ stack           1.5 s  it runs',
      '',
    ])
  })

  it('say which one failed, and leave no timer behind', async () => {
    const { time, steps, written } = stage(true)
    const failing = steps.run('stack', () => Promise.reject(new Error('no Java')))
    await expect(failing).rejects.toThrow('no Java')
    expect(written()).toContain('✘ stack')
    expect(time.pending).toBe(0)
  })

  it('that run at the same time are redrawn in place until the last has ended', async () => {
    const { time, steps, written } = stage(true)
    const gate = Promise.withResolvers<{ text: string; value: undefined }>()
    const slow = steps.run('slow', (say) => {
      say('halfway')
      return gate.promise
    })
    await steps.run('quick', () => Promise.resolve({ text: 'done', value: undefined }))
    expect(time.pending).toBe(1)
    time.pass(2_000)
    expect(written()).toMatch(/✔ quick .*done\n[\s\S]*slow +2\.0 s {2}halfway/)
    gate.resolve({ text: 'at last', value: undefined })
    await slow
    expect(written()).toMatch(/✔ slow +2\.0 s {2}at last\n/)
    expect(time.pending).toBe(0)
  })
})
