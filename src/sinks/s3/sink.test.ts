import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { bodyOf, operations, responseTo, sourceOf, subjobFor } from '../../../test/contract/sinks.ts'
import { s3Client } from './client.ts'
import { type S3SinkConfig, s3SinkDefaults } from './config.ts'
import { S3Sink } from './sink.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function sinkAgainst(answer: RequestListener, requestTimeoutMs = 10_000): Promise<S3Sink> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const access = { region: 'us-east-1', accessKey: 'a', secretKey: 's' }
  const config: S3SinkConfig = { endpoint, ...access, ...s3SinkDefaults, requestTimeoutMs }
  return new S3Sink({ client: s3Client(config), clock: { now: () => 0 }, config })
}

function errorAnswer(status: number, code: string): RequestListener {
  return (request, response) => {
    request.resume()
    request.on('end', () => {
      response.writeHead(status, { 'content-type': 'application/xml' })
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`)
    })
  }
}

const started = '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>'
const completed =
  '<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>"whole"</ETag></CompleteMultipartUploadResult>'
const failure = { type: 'failure', code: 100, message: 'm' } as const

describe('a store that does not take an object', () => {
  test.each([
    [404, 'NoSuchBucket', 'reject'],
    [403, 'AccessDenied', 'reject'],
    [405, 'MethodNotAllowed', 'reject'],
    [403, 'InvalidAccessKeyId', 'retry'],
    [403, 'RequestTimeTooSkewed', 'retry'],
    [503, 'SlowDown', 'retry'],
    [500, 'InternalError', 'retry'],
  ] as const)('%d %s: %s', async (status, code, disposition) => {
    const sink = await sinkAgainst(errorAnswer(status, code))
    const publish = sink.publish(subjobFor('bucket', 1), failure)
    const message = expect.stringContaining('in bucket "bucket"') as string
    await expect(publish).rejects.toMatchObject({ name: 'SinkFailure', disposition, message })
  })

  test('being silent: retry, after the time that a silence may last', async () => {
    const sink = await sinkAgainst(() => undefined, 200)
    await expect(sink.publish(subjobFor('bucket', 1), failure)).rejects.toMatchObject({ disposition: 'retry', code: 'ETIMEDOUT' })
  })

  test('closing the connection: retry', async () => {
    const sink = await sinkAgainst((request) => request.socket.destroy())
    await expect(sink.publish(subjobFor('bucket', 1), failure)).rejects.toMatchObject({ disposition: 'retry', code: 'ECONNRESET' })
  })

  test('being overloaded again and again does not use up connections', async () => {
    const sink = await sinkAgainst(errorAnswer(503, 'SlowDown'))
    for (let i = 0; i < 20; i += 1) await expect(sink.publish(subjobFor('bucket', 1), failure)).rejects.toThrow()
    const count = await new Promise<number>((resolve, reject) => {
      servers[0]?.getConnections((error, connections) => {
        if (error === null) resolve(connections)
        else reject(error)
      })
    })
    expect(count).toBeLessThanOrEqual(2)
  })

  test('taking long to put an object together is waited for, longer than other silences', async () => {
    const sink = await sinkAgainst((request, response) => {
      request.resume()
      request.on('end', () => {
        if (request.method === 'PUT') response.writeHead(200, { etag: '"e"' }).end()
        else if (request.url?.includes('uploads') === true) response.end(started)
        else setTimeout(() => response.end(completed), 2_500)
      })
    }, 2_000)
    const subjob = subjobFor('bucket', 300)
    const body = bodyOf(operations(300).map((operation) => responseTo(operation, { result: 'x'.repeat(40_000) })))
    expect(await sink.publish(subjob, await sourceOf(sink, body, 64 * 1024))).toMatchObject({ succeeded: 300, object: { etag: 'whole' } })
  })

  test('failing at a later part: the upload is given up', async () => {
    const asked: string[] = []
    const sink = await sinkAgainst((request, response) => {
      request.resume()
      request.on('end', () => {
        const path = String(request.url).replace(/^[^?]*\?/, '')
        asked.push(`${request.method} ${path}`)
        if (request.method === 'POST') {
          response.end(started)
        } else if (path.includes('partNumber=2')) {
          response.writeHead(503).end()
        } else {
          response.writeHead(request.method === 'DELETE' ? 204 : 200, { etag: '"e"' }).end()
        }
      })
    })
    const subjob = subjobFor('bucket', 300)
    const body = bodyOf(operations(300).map((operation) => responseTo(operation, { result: 'x'.repeat(40_000) })))
    await expect(sink.publish(subjob, await sourceOf(sink, body, 64 * 1024))).rejects.toMatchObject({ disposition: 'retry' })
    expect(asked).toEqual(['POST uploads', 'PUT uploadId=u1&partNumber=1', 'PUT uploadId=u1&partNumber=2', 'DELETE uploadId=u1'])
  })
})

test('an endpoint with a path is refused', () => {
  const config = { endpoint: 'http://127.0.0.1:9000/s3', region: 'r', accessKey: 'a', secretKey: 's', ...s3SinkDefaults }
  expect(() => s3Client(config)).toThrow('must not have a path')
})
