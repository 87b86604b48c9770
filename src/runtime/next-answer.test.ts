import { expect, it } from 'vitest'
import { NextAnswer } from './next-answer.ts'

it('who comes while a question is on its way shares the next one, also when that on its way fails', async () => {
  const asked: PromiseWithResolvers<number>[] = []
  const answers = new NextAnswer(() => {
    asked.push(Promise.withResolvers<number>())
    return asked.at(-1)!.promise
  })
  const first = answers.get()
  const others = [answers.get(), answers.get()]
  expect(asked).toHaveLength(1)
  asked[0]!.reject(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await expect.poll(() => asked.length).toBe(2)
  asked[1]!.resolve(2)
  expect(await Promise.all(others)).toEqual([2, 2])
  const later = answers.get()
  asked[2]!.resolve(3)
  expect(await later).toBe(3)
})
