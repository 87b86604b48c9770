/** Keys depend on nothing but the job, the subjob and its run: what is written again is the same object. */
import { hash } from 'node:crypto'

// A key has at most 1,024 bytes (Amazon S3, "Object key naming guidelines"), and user metadata 2,048.
const PREFIX_LENGTH_MAX = 512
const INDEX_DIGITS = 7

/** The folder of a job's objects: its id, percent-encoded; of an id that is too long for that, its digest. */
export function objectPrefix(jobId: string): string {
  // Stores that keep objects as files would take a lone dot or two for a folder of their own.
  const encoded = /^\.+$/.test(jobId) ? jobId.replaceAll('.', '%2E') : encodeURIComponent(jobId.toWellFormed())
  // No percent-encoded text goes on with an "s" after the percent sign, so this is nobody else's id.
  return encoded.length <= PREFIX_LENGTH_MAX ? encoded : `%sha256-${hash('sha256', jobId)}`
}

/** What an earlier run has stored stays: each has an object of its own. */
export function resultsKey(jobId: string, index: number, run: number): string {
  const name = String(index).padStart(INDEX_DIGITS, '0')
  return `${objectPrefix(jobId)}/${run === 1 ? name : `${name}.${run}`}.json`
}

export function manifestKey(jobId: string): string {
  return `${objectPrefix(jobId)}/manifest.json`
}
