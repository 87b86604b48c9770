/** What the tests of dialects' OpenAPI documents have in common. */
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect } from 'vitest'

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
}

export interface ApiOperation {
  readonly operationId: string
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly example?: unknown }>> }>>
}

export interface ApiDocument {
  readonly openapi: string
  readonly servers: readonly object[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>
  readonly components: object
}

/** A validator's judgement, and that examples are what they are examples of. */
export async function expectValid(document: ApiDocument): Promise<void> {
  const rules = { struct: 'error', 'no-invalid-media-type-examples': 'error', 'no-invalid-schema-examples': 'error' } as const
  const paths = { 'path-params-defined': 'error', 'operation-operationId-unique': 'error', 'no-unresolved-refs': 'error' } as const
  const config = await createConfig({ rules: { ...rules, ...paths } })
  const problems = await lintFromString({ source: JSON.stringify(document), config })
  expect(problems.map(({ ruleId, message, location: [place] }) => [ruleId, message, place?.pointer])).toEqual([])
}

/** Each path names its parameters, and no query parameter has to be there. */
export function expectNamedParameters({ paths }: ApiDocument): void {
  for (const [path, methods] of Object.entries(paths)) {
    for (const { parameters = [] } of Object.values(methods)) {
      const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`)
      expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? [])
      expect(parameters.filter((parameter) => parameter.in === 'query' && parameter.required === true)).toEqual([])
    }
  }
}

/** Words of later versions, and references that lead nowhere, are not in it. */
export function expectPlainSchemas(document: ApiDocument): void {
  for (const object of objectsIn(document)) {
    for (const name of ['$ref', '$id', 'const', 'anyOf', 'patternProperties', 'prefixItems']) expect(object).not.toHaveProperty(name)
    if ('type' in object && typeof object.type === 'string') {
      expect(object.type).toMatch(/^(?:object|array|string|integer|number|boolean|http|http:.*|about:blank)$/)
    }
    if ('examples' in object) expect(Array.isArray(object.examples)).toBe(false)
  }
}

/** Every object within a value. */
function* objectsIn(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return
  yield value
  for (const member of Object.values(value)) yield* objectsIn(member)
}
