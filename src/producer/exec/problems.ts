import type { TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'

const SHOWN_MAX = 80

const PROBLEMS_MAX = 256

/** What is wrong with a document, all of it, each problem with the field's name and its limit. */
export function problemsWith(schema: TSchema, value: unknown): readonly string[] {
  // By itself, typebox stops after eight, some of which say nothing.
  const { maxErrors } = Settings.Get()
  Settings.Set({ maxErrors: PROBLEMS_MAX })
  try {
    return Value.Errors(schema, value).flatMap(problemOf)
  } finally {
    Settings.Set({ maxErrors })
  }
}

function problemOf({ keyword, instancePath, params, message }: TLocalizedValidationError): readonly string[] {
  // What typebox says of each unknown member by itself; the object that it is in names them all.
  if (keyword === 'boolean') return []
  const path = instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
  const inside = path === '' ? '' : `${path}.`
  if (keyword === 'additionalProperties') return namesIn(params, keyword).map((name) => `${clip(inside + name)}: there is no such field`)
  if (keyword === 'required') return namesIn(params, 'requiredProperties').map((name) => `${clip(inside + name)}: is missing`)
  return [`${path === '' ? 'it' : clip(path)}: ${message}`]
}

function namesIn(params: object, member: string): readonly string[] {
  const names = (params as Readonly<Record<string, unknown>>)[member]
  return Array.isArray(names) ? names.map(String) : []
}

/** What somebody sent, short enough to be sent back. */
export function clip(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
}
