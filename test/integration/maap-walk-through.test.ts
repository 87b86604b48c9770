/** docs/maap.md, run as its reader would run it. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JobEntry } from '../../src/rest/dialects/maap/schemas.ts'
import { readBucket } from '../harness/bucket-log.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { walkThrough } from '../harness/walk-through.ts'

let installation: Installation
let service: Service

beforeAll(async () => {
  installation = await Installation.open('maap-walk', givenStack())
  service = await installation.service('service')
  await service.client.ready()
})

afterAll(() => installation.close())

it('goes from an algorithm to files in the bucket, and leaves no process behind', async () => {
  const bucket = `${installation.prefix.replace('.', '-')}processingresults`
  const words = { processingresults: bucket }
  const { code, out, err } = await walkThrough({ installation, service, page: 'docs/maap.md', words })
  expect(code, `${out}\n${err}`).toBe(0)
  const entries = (await (await fetch(`${service.client.url}/api/v1/jobentries`)).json()) as readonly JobEntry[]
  expect(entries).toMatchObject([{ job_name: 'checksums', status: 'SUCCESS', steps: [{ description: 'tile 31UDQ' }, { index: 1 }] }])
  const stored = await readBucket(installation.s3, bucket, '')
  const uris = entries.flatMap(({ steps }) => steps.flatMap(({ files }) => files.map(({ file_uri }) => file_uri)))
  expect(stored.map(({ key }) => `s3://${bucket}/${key}`).sort()).toEqual(uris.sort())
  const sum = createHash('sha256').update('S2A_31UDQ_20261122\n').digest('hex')
  expect(out).toContain(`${sum}  -`)
}, 300_000)
