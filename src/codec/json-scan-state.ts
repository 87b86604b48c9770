/** What the scanner waits for, or is inside of. */
export const State = {
  Value: 0,
  ValueOrEnd: 1,
  Key: 2,
  KeyOrEnd: 3,
  Colon: 4,
  AfterValue: 5,
  Done: 6,
  InString: 7,
  InScalar: 8,
  InElement: 9,
} as const
export type State = (typeof State)[keyof typeof State]

/** For messages: what would have been right there. */
export const EXPECTED: Record<State, string> = {
  [State.Value]: 'a value',
  [State.ValueOrEnd]: 'a value or "]"',
  [State.Key]: 'a member name',
  [State.KeyOrEnd]: 'a member name or "}"',
  [State.Colon]: '":"',
  [State.AfterValue]: '"," or the end of what is open',
  [State.Done]: 'the end of the document',
  [State.InString]: 'the end of a string',
  [State.InScalar]: 'the end of a number or literal',
  [State.InElement]: 'the bracket that closes what is open',
}
