/** What is wrong with one direction of a link. Nothing by default. */
export interface DirectionFaults {
  /** Bytes arrive that much later, give or take the jitter, and in their order. */
  readonly latencyMs?: number
  readonly jitterMs?: number
  readonly bytesPerSecond?: number
  /** Bytes arrive in pieces of at most so many, one after the other. */
  readonly sliceBytes?: number
  /** No byte moves, nor is anyone told that the other side has closed. It is all made up for when the fault ends. */
  readonly stalled?: boolean
  /** Bytes are taken and never delivered. A link that has lost any is reset when the fault ends. */
  readonly swallowed?: boolean
  /** The link is reset when so many bytes have passed since the fault began. */
  readonly resetAfterBytes?: number
}

export interface Faults {
  /** From the client to the server. */
  readonly up?: DirectionFaults
  readonly down?: DirectionFaults
  /** Nobody listens, and no link is left. */
  readonly refused?: boolean
}
