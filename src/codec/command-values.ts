/** Readers of what a JSON command holds: the value, checked, or a cause that names its field. */
import type { Dependency, StepGroup } from '../domain/messages.ts'
import { LONG_MAX, LONG_MIN } from './avro-bounds.ts'
import { clip, reasonOf } from './operation-texts.ts'
import { Undecodable } from './undecodable.ts'

/** Gives a member's value as what it has to be; throws Undecodable. */
export type ReadValue<T> = (value: unknown, field: string) => T

export function fault(field: string, message: string): Undecodable {
  return new Undecodable(`${field}: ${message}`)
}

export function parse(raw: Buffer, field: string): unknown {
  try {
    return JSON.parse(raw.toString())
  } catch (error) {
    throw fault(field, `it is not valid JSON: ${reasonOf(error)}`)
  }
}

export const text: ReadValue<string> = (value, field) => {
  if (typeof value !== 'string') throw fault(field, `${shown(value)} is not a text`)
  return value
}

export const flag: ReadValue<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw fault(field, `${shown(value)} is neither true nor false`)
  return value
}

export function textLike(pattern: RegExp, what: string): ReadValue<string> {
  return (value, field) => {
    if (typeof value !== 'string' || !pattern.test(value)) throw fault(field, `${shown(value)} is not ${what}`)
    return value
  }
}

export function oneOf<T extends string>(values: readonly T[]): ReadValue<T> {
  return (value, field) => {
    const found = values.find((each) => each === value)
    if (found === undefined) throw fault(field, `${shown(value)} is not one of ${values.join(', ')}`)
    return found
  }
}

export function wholeNumber(limits: { readonly min: number; readonly max: number }): ReadValue<number> {
  return (value, field) => {
    const fits = Number.isSafeInteger(value) && (value as number) >= limits.min && (value as number) <= limits.max
    if (!fits) throw fault(field, `${shown(value)} is not a whole number from ${limits.min} to ${limits.max}`)
    return value as number
  }
}

const idNumber = wholeNumber({ min: LONG_MIN, max: LONG_MAX })

export const operationId: ReadValue<string | number> = (value, field) => {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return idNumber(value, field)
  throw fault(field, `${shown(value)} is neither a text nor a whole number`)
}

export const labels: ReadValue<Readonly<Record<string, string>>> = (value, field) => {
  const pairs = Object.entries(object(value, field))
  for (const [name, label] of pairs) {
    // Where records are read into objects, this one name is taken.
    if (name === '__proto__') throw fault(field, '"__proto__" can\'t be the name of a label')
    text(label, `${field}.${clip(name)}`)
  }
  return Object.fromEntries(pairs) as Record<string, string>
}

const int32 = wholeNumber({ min: 0, max: 2 ** 31 - 1 })

const milliseconds = wholeNumber({ min: 0, max: LONG_MAX })

/** Places in a list, counted from 0. */
export const indexes: ReadValue<readonly number[]> = (value, field) => {
  return array(value, field).map((each, position) => int32(each, `${field}[${position}]`))
}

export const dependencies: ReadValue<readonly Dependency[]> = (value, field) => {
  return array(value, field).map((each, position) => {
    const at = `${field}[${position}]`
    const { operationId: waiting, parents, ...others } = object(each, at)
    const [unknown] = Object.keys(others)
    if (unknown !== undefined) throw fault(`${at}.${clip(unknown)}`, 'a dependency has operationId and parents, and no other member')
    const parentIds = array(parents, `${at}.parents`).map((id, index) => operationId(id, `${at}.parents[${index}]`))
    return { operationId: operationId(waiting, `${at}.operationId`), parents: parentIds }
  })
}

export const groups: ReadValue<readonly StepGroup[]> = (value, field) => {
  return array(value, field).map((each, position) => {
    const at = `${field}[${position}]`
    const { operations, after = [], generates = false, retries = 0, retryIntervalMs = 0, ...others } = object(each, at)
    const [unknown] = Object.keys(others)
    const known = 'operations, after, generates, retries and retryIntervalMs'
    if (unknown !== undefined) throw fault(`${at}.${clip(unknown)}`, `a group has ${known}, and no other member`)
    return {
      ...{ operations: int32(operations, `${at}.operations`), after: indexes(after, `${at}.after`) },
      ...{ retries: int32(retries, `${at}.retries`), retryIntervalMs: milliseconds(retryIntervalMs, `${at}.retryIntervalMs`) },
      generates: flag(generates, `${at}.generates`),
    }
  })
}

function object(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault(field, `${shown(value)} is not an object`)
  return value as Record<string, unknown>
}

function array(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw fault(field, `${shown(value)} is not an array`)
  return value
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : clip(JSON.stringify(value))
}
