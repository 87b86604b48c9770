/** What a percent-encoded segment of a path says; null where it says nothing. */
export function decodedSegment(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}
