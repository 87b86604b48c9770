import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MESSAGE_TYPES, messageSchemas, messageTypeOf } from './schemas.ts'

type Json = null | boolean | number | string | readonly Json[] | JsonObject
interface JsonObject {
  readonly [name: string]: Json
}

const parsed = MESSAGE_TYPES.map((type) => ({ type, schema: JSON.parse(messageSchemas[type].text) as JsonObject }))

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Every record, enumeration and field of a schema, with where it is. */
function* partsOf(value: Json, at: string): Generator<{ readonly at: string; readonly part: JsonObject }> {
  if (Array.isArray(value)) {
    for (const each of value as readonly Json[]) yield* partsOf(each, at)
  } else if (isObject(value)) {
    const name = typeof value['name'] === 'string' ? value['name'] : ''
    const here = name === '' ? at : `${at}/${name}`
    if (name !== '') yield { at: here, part: value }
    for (const member of ['type', 'fields', 'items', 'values']) yield* partsOf(value[member] ?? null, here)
  }
}

function namedTypesOf(schema: JsonObject): Map<string, JsonObject> {
  const named = new Map<string, JsonObject>()
  for (const { part } of partsOf(schema, '')) {
    if (part['type'] === 'record' || part['type'] === 'enum') named.set(`io.datajob.${part['name'] as string}`, part)
  }
  return named
}

/** The schema with every name replaced by what it stands for. */
function resolved(value: Json, named: ReadonlyMap<string, JsonObject>): Json {
  if (typeof value === 'string') return named.has(value) ? resolved(named.get(value) ?? null, named) : value
  if (Array.isArray(value)) return (value as readonly Json[]).map((each) => resolved(each, named))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, name === 'doc' ? each : resolved(each, named)]))
}

describe('the schemas', () => {
  test('there is a file for each message, and no other', () => {
    const files = readdirSync(new URL('../../schemas/', import.meta.url)).sort()
    expect(files).toEqual(MESSAGE_TYPES.map((type) => `${type}.avsc`).sort())
  })

  test.each(parsed)('$type is a record of that name in our namespace', ({ type, schema }) => {
    expect(schema).toMatchObject({ type: 'record', name: type, namespace: 'io.datajob' })
    expect(messageTypeOf(`io.datajob.${type}`)).toBe(type)
  })

  test.each(parsed)('$type says of every record, enumeration and field what it is', ({ schema }) => {
    const undocumented = [...partsOf(schema, '')].filter(({ part }) => typeof part['doc'] !== 'string' || !/^\S.*\S$/.test(part['doc']))
    expect(undocumented.map(({ at }) => at)).toEqual([])
  })

  test.each(parsed)('$type gives every nullable field a default, and every enumeration a symbol for what is not known', ({ schema }) => {
    for (const { at, part } of partsOf(schema, '')) {
      const { type } = part
      if (Array.isArray(type) && type.includes('null')) expect({ at, part }).toMatchObject({ at, part: { default: null } })
      if (type === 'enum') expect({ at, part }).toMatchObject({ at, part: { default: 'unknown' } })
    }
  })

  test('a type that stands in several schemas is the same in all of them', () => {
    const first = new Map<string, Json>()
    for (const { type, schema } of parsed) {
      const named = namedTypesOf(schema)
      for (const [name, definition] of named) {
        const whole = resolved(definition, named)
        expect({ type, name, whole }).toEqual({ type, name, whole: first.get(name) ?? whole })
        first.set(name, whole)
      }
    }
  })

  test('other names are none of ours', () => {
    expect(messageTypeOf('shop.SubmitJob')).toBeUndefined()
    expect(messageTypeOf(undefined)).toBeUndefined()
  })
})
