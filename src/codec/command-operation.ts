/** An operation of a JSON command. */
import type { Operation } from '../domain/operation.ts'
import { fault, oneOf, operationId, parse, text } from './command-values.ts'
import { OPERATION_KINDS } from './forms/operations.ts'
import { membersOf } from './json-members.ts'
import { JsonScanError } from './json-scan-error.ts'
import { clip, NESTING_MAX, OPTION_NAMES, optionsFault } from './operation-texts.ts'

const MEMBER_NAMES = ['operationId', 'op', 'path', 'value', 'options', ...OPTION_NAMES]

const operationKind = oneOf(OPERATION_KINDS)

// Digits only: 1.0 or 1e3 would be reported back as another text than the client wrote.
const NUMBER_KEPT = /^(?:"|-?(?:0|[1-9]\d*)$)/

/** @throws Undecodable */
export function parseOperation(element: Buffer, position: number): Operation {
  const at = `operations[${position}]`
  const given = membersByName(element, at, MEMBER_NAMES)
  const required = (name: string): unknown => {
    const raw = given.get(name)
    if (raw === undefined) throw fault(`${at}.${name}`, 'it is missing')
    return parse(raw, `${at}.${name}`)
  }
  const value = given.get('value')
  if (value !== undefined) parse(value, `${at}.value`)
  return {
    operationId: idOf(given.get('operationId'), position, `${at}.operationId`),
    op: operationKind(required('op'), `${at}.op`),
    path: text(required('path'), `${at}.path`),
    value: value === undefined ? null : value.toString(),
    options: optionsOf(given, at),
  }
}

/**
 * The members of an object that are not null.
 * @throws Undecodable when it is no object, or has a member twice or one that is not among the names
 */
export function membersByName(bytes: Buffer, at: string, names: readonly string[]): ReadonlyMap<string, Buffer> {
  const given = new Map<string, Buffer>()
  const seen = new Set<string>()
  for (const { name, raw } of scanned(bytes, at)) {
    const field = at === '' ? clip(name) : `${at}.${clip(name)}`
    if (!names.includes(name)) throw fault(field, `there is no such member, only ${names.join(', ')}`)
    if (seen.has(name)) throw fault(field, 'it is there twice')
    seen.add(name)
    if (!raw.equals(NULL)) given.set(name, raw)
  }
  return given
}

const NULL = Buffer.from('null')

function scanned(bytes: Buffer, at: string): ReturnType<typeof membersOf> {
  try {
    return membersOf(bytes, NESTING_MAX)
  } catch (error) {
    if (error instanceof JsonScanError) throw fault(at, `it is not a JSON object: ${error.message}`)
    throw error
  }
}

/** An operation without an id is known by its place, from 1. */
function idOf(raw: Buffer | undefined, position: number, field: string): string | number {
  if (raw === undefined) return String(position + 1)
  const id = operationId(parse(raw, field), field)
  const written = raw.toString('latin1')
  if (!NUMBER_KEPT.test(written)) throw fault(field, `${clip(written)} is a number with more than digits; as a text it is kept as it is`)
  return id
}

function optionsOf(given: ReadonlyMap<string, Buffer>, at: string): string | null {
  const options = given.get('options')
  const extras = OPTION_NAMES.filter((name) => given.has(name))
  if (options !== undefined) {
    if (extras.length > 0) throw fault(`${at}.options`, `${extras.join(', ')} stand beside it; give them in one of the two places`)
    const wrong = optionsFault(options, NESTING_MAX)
    if (wrong !== null) throw fault(`${at}.options`, wrong)
    return options.toString()
  }
  if (extras.length === 0) return null
  const members = extras.map((name) => {
    const raw = given.get(name) ?? NULL
    parse(raw, `${at}.${name}`)
    return `${JSON.stringify(name)}:${raw.toString()}`
  })
  return `{${members.join(',')}}`
}
