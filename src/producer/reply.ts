import type { ServerResponse } from 'node:http'

/** Answers with a JSON document. */
export function reply(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, headers).end(body)
}

/** Resolves once more may be written, or nobody reads any more. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go)
      response.off('close', go)
      resolve()
    }
    response.on('drain', go)
    response.on('close', go)
    // A close that has been before is not told again.
    if (response.destroyed) go()
  })
}
