import http from 'node:http'
import https from 'node:https'
import { Client } from 'minio'
import type { S3SinkConfig } from './config.ts'

/** What of an S3 client is needed here. */
export type S3Client = Pick<
  Client,
  | 'bucketExists'
  | 'putObject'
  | 'initiateNewMultipartUpload'
  | 'uploadPart'
  | 'completeMultipartUpload'
  | 'abortMultipartUpload'
>

/** Of the settings, what the server is reached with. */
export type S3Connection = Omit<S3SinkConfig, 'partBytes' | 'bodyBytesMax' | 'bucketKnownMs'>

/** Throws for an endpoint that is no plain HTTP address. */
export function s3Client(config: S3Connection): Client {
  const { protocol, hostname, port, pathname } = new URL(config.endpoint)
  if (pathname !== '/') throw new Error(`S3 endpoint "${config.endpoint}" must not have a path`)
  const useSSL = protocol === 'https:'
  return new Client({
    endPoint: hostname,
    ...(port === '' ? {} : { port: Number(port) }),
    useSSL,
    accessKey: config.accessKey,
    secretKey: config.secretKey,
    region: config.region,
    // What failed is tried again as a whole, later, by whoever asked for it; the client would wait and write to the console.
    retryOptions: { disableRetry: true },
    transport: boundedTransport(useSSL ? https : http, config),
  })
}

type Transport = NonNullable<ConstructorParameters<typeof Client>[0]['transport']>

type Silences = Pick<S3SinkConfig, 'requestTimeoutMs' | 'assemblyTimeoutMs'>

/** Without it, a server that has fallen silent is waited for as long as its socket stays open. */
function boundedTransport(base: Transport, { requestTimeoutMs, assemblyTimeoutMs }: Silences): Transport {
  const request = (options: http.RequestOptions, take: (response: http.IncomingMessage) => void): http.ClientRequest => {
    const timeoutMs = isAssembly(options) ? assemblyTimeoutMs : requestTimeoutMs
    const sent = base.request(options, (response) => {
      take(response)
      // The client leaves the body of an answer that may be retried unread, which would keep the socket.
      if (isRetriable(response.statusCode ?? 0)) response.resume()
    })
    return sent.setTimeout(timeoutMs, () => {
      sent.destroy(Object.assign(new Error(`the server was silent for ${timeoutMs} ms`), { code: 'ETIMEDOUT' }))
    })
  }
  return { request: request as Transport['request'] }
}

// Amazon S3, "CompleteMultipartUpload".
function isAssembly({ method, path }: http.RequestOptions): boolean {
  return method === 'POST' && /[?&]uploadId=/.test(path ?? '')
}

// As the client counts them (minio/dist/main/internal/request.js).
const RETRIABLE_STATUSES: ReadonlySet<number> = new Set([408, 429, 499, 500, 502, 503, 504, 520])

function isRetriable(status: number): boolean {
  return RETRIABLE_STATUSES.has(status)
}
