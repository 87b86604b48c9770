// W3C Trace Context, "traceparent Header Field Values": version 00; ids of nothing but zeros are invalid.
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The trace context if it is valid. One that isn't is ignored, as the standard wants it. */
export function validTraceparent(text: string | null): string | null {
  return text !== null && TRACEPARENT.test(text) ? text : null
}
