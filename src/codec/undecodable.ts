/** Thrown within the codec where a record turns out to hold no message; its text is the cause that the codec returns. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable'
}

/** The value, if it is one of those known; the schema's own symbol for what an older build does not know is none of them. */
export function known<T extends string | number>(values: readonly T[], value: string | number, field: string): T {
  const found = values.find((each) => each === value)
  if (found === undefined) throw new Undecodable(`${field} is "${value}", which this build does not know`)
  return found
}

/** The value of a field that the record's state or type cannot be without. */
export function needed<T>(value: T | null, field: string, of: string): T {
  if (value === null) throw new Undecodable(`${field} is missing, which ${of} has`)
  return value
}
