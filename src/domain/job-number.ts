/** A job's number is its command's place on its home partition in one number: unique, and growing within the partition. */

export interface CommandPlace {
  readonly partition: number
  readonly offset: number
}

/** Partitions that the command topic may have at most. */
export const COMMAND_PARTITIONS_MAX = 1024

// The largest offset whose number is still below 2^53: 8.8 × 10^12 commands, 278 years at a thousand a second.
const OFFSET_MAX = Math.floor(Number.MAX_SAFE_INTEGER / COMMAND_PARTITIONS_MAX)

/** Throws when the place does not fit: a topic with more partitions than allowed is refused at start, so none gets here. */
export function jobNumber({ partition, offset }: CommandPlace): number {
  if (!isWithin(partition, COMMAND_PARTITIONS_MAX - 1)) {
    throw new Error(`partition ${partition} does not fit into a job number: commands has at most ${COMMAND_PARTITIONS_MAX} partitions`)
  }
  if (!isWithin(offset, OFFSET_MAX)) throw new Error(`offset ${offset} does not fit into a job number: the limit is ${OFFSET_MAX}`)
  return offset * COMMAND_PARTITIONS_MAX + partition
}

/** Where the command of the job with this number is: the inverse of {@link jobNumber}. */
export function placeOfJobNumber(number: number): CommandPlace {
  return { partition: number % COMMAND_PARTITIONS_MAX, offset: Math.floor(number / COMMAND_PARTITIONS_MAX) }
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max
}
