import { request } from 'node:http'
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly body: unknown
}

export interface RawRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** Sends a body byte for byte. An answer that comes before all of it was sent counts, as it does for any client. */
export function send(url: string, { method = 'POST', headers = {}, body = Buffer.of() }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers, 'content-length': String(body.length) }, agent: false })
    sent.on('response', (response) => {
      let text = ''
      response.on('data', (piece: Buffer) => (text += piece.toString()))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: parsed(text) })
        sent.destroy()
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * Writes bytes to the server's port as they are. Resolves to all that came back once the server has closed the connection;
 * `hangUp` closes our side of it first, as a client does that has said all.
 */
export function exchange(url: string, bytes: string | Buffer, { hangUp = false } = {}): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let received = ''
    socket.on('data', (piece: Buffer) => (received += piece.toString()))
    // Whoever sends on to a server that has answered and closed is told so by a reset.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      resolve(received)
    })
    socket.write(bytes)
    if (hangUp) socket.end()
  })
}
