import { describe, expect, it } from 'vitest'
import { BUILT_IN_PROCESSES } from '../../inventory/built-in-processes.ts'
import { Refusal } from '../errors.ts'
import { type DeclaredInput, ProcessInputs, UnusableSchema } from './process-inputs.ts'
import { ProcessSchemas } from './process-schemas.ts'

const inputs = new ProcessInputs({
  name: { schema: { type: 'string' } },
  count: { minOccurs: 0, schema: { type: 'integer', minimum: 1 } },
  any: { minOccurs: 0, schema: { type: 'object' } },
  shape: { minOccurs: 0, schema: { type: 'object', required: ['sides'], properties: { sides: { type: 'integer' } } } },
  files: { minOccurs: 0, maxOccurs: 3, schema: { type: 'string', contentMediaType: 'image/tiff' } },
  points: { minOccurs: 0, maxOccurs: 'unbounded', schema: { type: 'array', items: { type: 'number' }, minItems: 2 } },
})

const inline = (value: unknown): object => ({ type: 'inline', value })
const refusalOf = (given: Readonly<Record<string, unknown>>): Refusal => {
  try {
    inputs.read(given)
  } catch (error) {
    if (error instanceof Refusal) return error
  }
  throw new Error('it was not refused')
}

describe('inputs', () => {
  it('are values, qualified or not', () => {
    const read = inputs.read({ name: { value: 'x', mediaType: 'text/plain' }, count: 3 })
    expect(Object.fromEntries(read)).toEqual({ name: inline('x'), count: inline(3) })
  })

  it('keep a wrapper that their schema takes as it is', () => {
    expect(inputs.read({ name: 'x', any: { value: 'y' } }).get('any')).toEqual(inline({ value: 'y' }))
    expect(inputs.read({ name: 'x', any: { href: 'y' } }).get('any')).toEqual(inline({ href: 'y' }))
    expect(inputs.read({ name: 'x', shape: { value: { sides: 3 } } }).get('shape')).toEqual(inline({ sides: 3 }))
  })

  it('are links, which nobody follows here', () => {
    expect(inputs.read({ name: { href: 'https://data.example/a.tif', type: 'image/tiff' } }).get('name')).toEqual({
      ...{ type: 'reference', href: 'https://data.example/a.tif', mediaType: 'image/tiff' },
    })
    expect(inputs.read({ name: { href: 's3://bucket/a' } }).get('name')).toMatchObject({ mediaType: null })
  })

  it('are lists where several values are taken, also of one', () => {
    expect(inputs.read({ name: 'x', files: 'a' }).get('files')).toEqual([inline('a')])
    expect(inputs.read({ name: 'x', files: ['a', { value: 'b' }, { href: 'http://c' }] }).get('files')).toMatchObject([
      inline('a'), inline('b'), { type: 'reference', href: 'http://c' },
    ])
    expect(inputs.read({ name: 'x', points: [1, 2] }).get('points')).toEqual([inline([1, 2])])
    expect(inputs.read({ name: 'x', points: [[1, 2], [3, 4]] }).get('points')).toEqual([inline([1, 2]), inline([3, 4])])
  })

  it.each([
    [{}, 'body inputs.name is missing'],
    [{ name: 5 }, 'body inputs.name must be string'],
    [{ name: ['x'] }, 'body inputs.name must be string'],
    [{ name: { value: 5 } }, 'body inputs.name must be string'],
    [{ name: { href: 'not absolute' } }, 'body inputs.name.href is no absolute URI of up to 8192 characters'],
    [{ name: 'x', count: 0 }, 'body inputs.count must be >= 1'],
    [{ name: 'x', shape: { sides: 'three' } }, 'body inputs.shape.sides must be integer'],
    [{ name: 'x', files: ['a', 'b', 'c', 'd'] }, 'body inputs.files has 4 values'],
    [{ name: 'x', files: ['a', 5] }, 'body inputs.files.1 must be string'],
    [{ name: 'x', toString: 1 }, 'body inputs.toString is no input of the process'],
  ])('are refused: %j', (given, message) => {
    expect(refusalOf(given)).toMatchObject({ status: 400, message })
  })

  it.each<[DeclaredInput['schema']]>([[{ type: 'text' }], [{ $ref: 'https://elsewhere.example/schema' }], [{ pattern: '(' }]])(
    'can’t be declared with %j for a schema', (schema) => {
      expect(() => new ProcessInputs({ broken: { schema } })).toThrow(UnusableSchema)
      expect(() => new ProcessInputs({ broken: { schema } })).toThrow(/^input "broken": its schema is none: /)
    })
})

describe('the inputs of echo', () => {
  const echo = BUILT_IN_PROCESSES[0]
  if (echo === undefined) throw new Error('there is no echo')
  const schemas = new ProcessSchemas()

  it('are one of each type, and only the text is needed', () => {
    const all = { string: 'x', number: 1.5, boolean: true, object: { a: 1 }, array: [1], bbox: { bbox: [1, 2, 3, 4] }, pause: 0.5 }
    expect([...schemas.inputsOf(echo).read(all).keys()]).toEqual(Object.keys(all))
    expect([...schemas.inputsOf(echo).read({ string: '' }).keys()]).toEqual(['string'])
    expect(() => schemas.inputsOf(echo).read({ number: 1 })).toThrow('body inputs.string is missing')
  })

  it('are read from the description once', () => {
    expect(schemas.inputsOf(echo)).toBe(schemas.inputsOf(echo))
  })
})
