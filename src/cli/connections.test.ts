import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, describe, expect, it } from 'vitest'
import { createCli, type Cli } from './cli.ts'
import { brokersOverride, environmentWithStack, loadSettings, serviceClient } from './connections.ts'
import { forgetService, rememberedService, rememberService } from './service/service-record.ts'

const folder = mkdtempSync(join(tmpdir(), 'datajob-cli-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function cliWith(env: Record<string, string>): Cli {
  const stream = { write: (): void => undefined }
  return createCli(
    { stdin: Readable.from([]), stdout: stream, stderr: stream },
    { DATAJOB_STACK_FOLDER: folder, ...env },
  )
}

describe('the service', () => {
  it('is where the option says, else the environment, else the one that was started last and still runs', () => {
    rememberService(folder, { url: 'http://127.0.0.1:4711', pid: process.pid })
    const env = { DATAJOB_URL: 'http://env:1/' }
    expect(serviceClient(cliWith(env), { url: 'https://option:1/api/' }).url).toBe('https://option:1/api')
    expect(serviceClient(cliWith(env), {}).url).toBe('http://env:1')
    expect(serviceClient(cliWith({}), {}).url).toBe('http://127.0.0.1:4711')
    forgetService(folder, process.pid)
    expect(serviceClient(cliWith({}), {}).url).toBe('http://127.0.0.1:8080')
  })

  it('that has ended without a word is not remembered', () => {
    // No process has a pid above Linux's largest.
    rememberService(folder, { url: 'http://127.0.0.1:4711', pid: 2 ** 22 + 1 })
    expect(rememberedService(folder)).toBeUndefined()
    forgetService(folder, process.pid)
    expect(serviceClient(cliWith({}), {}).url).toBe('http://127.0.0.1:8080')
  })

  it('is not remembered where there is no folder for it, and a damaged record is none', () => {
    rememberService(join(folder, 'nowhere'), { url: 'http://127.0.0.1:4711', pid: process.pid })
    expect(rememberedService(join(folder, 'nowhere'))).toBeUndefined()
    writeFileSync(join(folder, 'service.json'), '{"url":')
    expect(rememberedService(folder)).toBeUndefined()
  })
})

describe('the servers', () => {
  // A stack on Docker needs no process of ours to be found.
  writeFileSync(
    join(folder, 'stack.json'),
    JSON.stringify({ backend: 'docker', ports: { kafka: 1001, registry: 1002, s3: 1003 } }),
  )

  it('are those of the local stack where nothing else is said', async () => {
    const { kafkaBrokers, registryUrl, s3Endpoint } = await loadSettings(cliWith({}))
    expect({ kafkaBrokers, registryUrl, s3Endpoint }).toEqual({
      kafkaBrokers: ['127.0.0.1:1001'],
      registryUrl: 'http://127.0.0.1:1002/apis/ccompat/v7',
      s3Endpoint: 'http://127.0.0.1:1003',
    })
  })

  it('are those of the environment before those, and those of options first', async () => {
    const cli = cliWith({ DATAJOB_KAFKA_BROKERS: 'env:1' })
    expect((await loadSettings(cli)).kafkaBrokers).toEqual(['env:1'])
    expect((await loadSettings(cli, brokersOverride({ brokers: 'option:1,option:2' }))).kafkaBrokers).toEqual([
      'option:1',
      'option:2',
    ])
  })

  it('never mix an S3 server with the keys of another', async () => {
    const env = await environmentWithStack(cliWith({ DATAJOB_S3_ENDPOINT: 'http://elsewhere' }))
    expect(env['DATAJOB_S3_SECRET_KEY']).toBeUndefined()
    expect(env['DATAJOB_KAFKA_BROKERS']).toBe('127.0.0.1:1001')
  })
})
