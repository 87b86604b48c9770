/** The last job of a page; the next page begins behind it. */
export interface JobCursor {
  readonly createdAt: number
  readonly number: number
}

/** A text for clients to hand back as it is. */
export function formatJobCursor({ createdAt, number }: JobCursor): string {
  return Buffer.from(`${createdAt}.${number}`).toString('base64url')
}

const CURSOR = /^(-?\d{1,16})\.(\d{1,16})$/

/** Null when the text is none that {@link formatJobCursor} made. */
export function parseJobCursor(text: string): JobCursor | null {
  const match = CURSOR.exec(Buffer.from(text, 'base64url').toString('latin1'))
  if (match === null) return null
  const cursor = { createdAt: Number(match[1]), number: Number(match[2]) }
  return formatJobCursor(cursor) === text ? cursor : null
}
