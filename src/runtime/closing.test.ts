import { expect, it } from 'vitest'
import { Closing } from './closing.ts'

it('closes in the reverse order of opening, once, and goes on when a step fails', async () => {
  const done: string[] = []
  const closing = new Closing((name) => {
    done.push(`${name} failed`)
  })
  for (const name of ['first', 'second', 'third']) {
    closing.later(name, () => {
      if (name === 'second') return Promise.reject(new Error('stuck'))
      done.push(name)
      return Promise.resolve()
    })
  }
  await Promise.all([closing.close(), closing.close()])
  expect(done).toEqual(['third', 'second failed', 'first'])
})
