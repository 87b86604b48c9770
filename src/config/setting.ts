/** A setting: where its value comes from, what it may be, and what the reference (docs/config.md) says of it. */
export interface Setting<Value> {
  /** The environment variable. */
  readonly variable: string
  readonly fallback: Value
  /** What the number counts, or what the text is. */
  readonly unit: string
  readonly description: string
  /** The allowed values in words, for the reference and for messages. */
  readonly limits: string
  /** The value, or undefined when the text is none. */
  parse(text: string): Value | undefined
  readonly secret: boolean
}

type Described = { readonly description: string; readonly unit?: string }

export function wholeNumber(
  variable: string,
  options: Described & { readonly fallback: number; readonly min: number; readonly max: number },
): Setting<number> {
  const { fallback, min, max, description, unit = 'count' } = options
  return {
    ...{ variable, fallback, unit, description, limits: `${min} to ${max}`, secret: false },
    parse: (text) => {
      const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

export function text(
  variable: string,
  options: Described & { readonly fallback: string; readonly pattern: RegExp; readonly limits: string; readonly secret?: boolean },
): Setting<string> {
  const { fallback, pattern, limits, description, unit = 'text', secret = false } = options
  return { variable, fallback, unit, description, limits, secret, parse: (value) => (pattern.test(value) ? value : undefined) }
}

export function choice<const Value extends string>(
  variable: string,
  options: Described & { readonly fallback: Value; readonly values: readonly Value[] },
): Setting<Value> {
  const { fallback, values, description, unit = 'one of' } = options
  return {
    ...{ variable, fallback, unit, description, limits: values.join(', '), secret: false },
    parse: (value) => values.find((each) => each === value),
  }
}

/** Several values, separated by commas. */
export function list<const Value extends string>(
  variable: string,
  options: Described & {
    readonly fallback: readonly Value[]
    readonly limits: string
    readonly accepts: (item: string) => item is Value
    readonly secret?: boolean
  },
): Setting<readonly Value[]> {
  const { fallback, limits, accepts, description, unit = 'list', secret = false } = options
  return {
    ...{ variable, fallback, unit, description, limits, secret },
    parse: (value) => {
      const items = value.split(',').map((item) => item.trim()).filter((item) => item !== '')
      return items.every(accepts) ? items : undefined
    },
  }
}

export function flag(variable: string, options: Described & { readonly fallback: boolean }): Setting<boolean> {
  const { fallback, description, unit = 'flag' } = options
  return {
    ...{ variable, fallback, unit, description, limits: 'true or false', secret: false },
    parse: (value) => (value === 'true' ? true : value === 'false' ? false : undefined),
  }
}
