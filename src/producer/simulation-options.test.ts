import { expect, it } from 'vitest'
import { readSimulationOptions, simulationOptions } from './simulation-options.ts'

it('has a fallback for every option', () => {
  expect(readSimulationOptions({})).toEqual({
    ok: true,
    options: {
      port: 0, name: 'simulated', delayMs: { min: 50, max: 200 }, failOperations: { type: 'rate', rate: 0 },
      failSubmits: 0, failStatus: 0, resultBytes: 64, latencyMs: 0, seed: 1, forgetAfterMs: 600_000, memoryMib: 256,
      resultTopic: '',
    },
  })
})

it('has keys that are the camel case of the flags, which is how a command line names them', () => {
  for (const [key, { flag }] of Object.entries(simulationOptions)) {
    expect(flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())).toBe(key)
  }
})

it.each([
  ['delayMs', '5', { min: 5, max: 5 }],
  ['delayMs', '5..70', { min: 5, max: 70 }],
  ['failOperations', '0.25', { type: 'rate', rate: 0.25 }],
  ['failOperations', '1', { type: 'rate', rate: 1 }],
  ['failOperations', 'Cell=[13]$', { type: 'path', pattern: /Cell=[13]$/ }],
  ['failSubmits', '.5', 0.5],
  ['resultBytes', '1073741824', 2 ** 30],
] as const)('reads %s from %s', (key, text, value) => {
  expect(readSimulationOptions({ [key]: text })).toMatchObject({ ok: true, options: { [key]: value } })
})

it.each([
  ['port', '65536'], ['port', '-1'], ['name', ''], ['name', 'a/b'], ['delayMs', '7..5'], ['delayMs', '1-5'],
  ['failOperations', '1.5'], ['failOperations', ''], ['failOperations', '('], ['failOperations', '-1'],
  ['failSubmits', '2'], ['failStatus', 'x'], ['resultBytes', '1.5'], ['memoryMib', '0'], ['seed', '4294967296'],
] as const)('refuses %s when it is "%s"', (key, text) => {
  const { flag, allowed } = simulationOptions[key]
  expect(readSimulationOptions({ [key]: text })).toEqual({
    ok: false, problems: [`--${flag} is "${text}", but must be ${allowed}`],
  })
})

it('names all that is wrong at once', () => {
  const outcome = readSimulationOptions({ port: 'x', seed: 'y', name: 'fine' })
  const problems = [expect.stringMatching('--port'), expect.stringMatching('--seed')]
  expect(outcome).toMatchObject({ ok: false, problems })
})
