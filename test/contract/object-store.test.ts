import { randomUUID } from 'node:crypto'
import { afterAll, inject } from 'vitest'
import { s3Client } from '../../src/sinks/s3/client.ts'
import { s3SinkDefaults } from '../../src/sinks/s3/config.ts'
import { ObjectUpload } from '../../src/sinks/s3/object-upload.ts'
import { readBucket } from '../harness/bucket-log.ts'
import { HttpProxy } from '../harness/http-proxy.ts'
import { exerciseObjectStore } from './object-store.ts'

const proxies: HttpProxy[] = []

afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())))

exerciseObjectStore('in a real store', async () => {
  const access = { ...s3SinkDefaults, region: 'us-east-1', accessKey: inject('s3AccessKey'), secretKey: inject('s3SecretKey') }
  const endpoint = inject('s3Endpoint')
  const proxy = await HttpProxy.start(endpoint)
  proxies.push(proxy)
  const client = s3Client({ ...access, endpoint: proxy.url })
  const reader = s3Client({ ...access, endpoint })
  const bucket = `objects-${randomUUID()}`
  await reader.makeBucket(bucket)
  return {
    store: async (key, content) => {
      const upload = new ObjectUpload(client, { bucket, key, headers: {} }, s3SinkDefaults.partBytes)
      await upload.write(Buffer.from(content))
      return upload.finish()
    },
    read: (prefix) => readBucket(reader, bucket, prefix),
    loseNextAnswer: () => {
      proxy.rule({ method: 'PUT', fate: 'answer lost', times: 1 })
    },
    setAway: async (isAway) => {
      if (isAway) proxy.rule({ fate: { status: 503 } })
      else await proxy.heal()
    },
  }
})
