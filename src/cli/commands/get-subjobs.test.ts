import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { jobSchema } from '../../rest/dialects/ncmp/schemas.ts'
import { type NcmpSubjob, subjobSchema } from '../../rest/dialects/ncmp/subjob-schemas.ts'
import { runCli, type TestRun } from '../cli-test-run.ts'

function exampleOf(schema: object): object {
  return (schema as { readonly examples: readonly object[] }).examples[0]!
}

function subjob(index: number, changes: Partial<NcmpSubjob> = {}): NcmpSubjob {
  return { ...(exampleOf(subjobSchema) as NcmpSubjob), subjobId: `a/b/${index}`, ...changes }
}

/** Runs against a service with these pages of subjobs. */
async function run(pages: readonly (readonly NcmpSubjob[])[], ...args: string[]): Promise<TestRun & { readonly seen: readonly string[] }> {
  const seen: string[] = []
  const server = createServer(({ url = '' }, response) => {
    seen.push(url)
    const page = Number(/cursor=(\d+)/.exec(url)?.[1] ?? '0')
    const isSubjobs = url.includes('/subjobs?')
    const body = isSubjobs ? { items: pages[page], next: page + 1 < pages.length ? String(page + 1) : null } : exampleOf(jobSchema)
    response.writeHead(200, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const result = await runCli(['get', 'a/b', '--subjobs', ...args, '--url', url])
  server.close()
  return { ...result, seen }
}

describe('get --subjobs', () => {
  const operations = { total: 1_500, succeeded: 0, failed: 1_500 }
  const ended = subjob(1, { status: 'FAILED', waitingFor: null, message: 'refused\nby the plugin', operations })

  it('shows each subjob below the job, and what it waits for or its last error', async () => {
    const { exitCode, out } = await run([[subjob(0), ended]])
    expect(exitCode).toBe(0)
    const lines = out.split('\n')
    const head = lines.findIndex((line) => line.startsWith('subjob  status'))
    expect(lines[head - 1]).toBe('')
    expect(lines[head + 1]).toMatch(/^0 +RUNNING +north +ems-1 +20 +0 +1 +its next attempt at \S+; attempt 1 failed: north answered 503$/)
    expect(lines[head + 2]).toMatch(/^1 +FAILED +north +ems-1 +1,500 +1,500 +1 +refused�by the plugin$/)
  })

  it('fetches every page', async () => {
    const { out, seen } = await run([[subjob(0)], [subjob(1)], [subjob(2)]], '-o', 'json')
    expect((JSON.parse(out) as { subjobs: NcmpSubjob[] }).subjobs.map(({ subjobId }) => subjobId)).toEqual(['a/b/0', 'a/b/1', 'a/b/2'])
    expect(seen.slice(1)).toEqual([
      '/ranoam/cm/v1/dataJob/a%2Fb/subjobs?limit=1000',
      '/ranoam/cm/v1/dataJob/a%2Fb/subjobs?limit=1000&cursor=1',
      '/ranoam/cm/v1/dataJob/a%2Fb/subjobs?limit=1000&cursor=2',
    ])
  })

  it('shows the job alone as long as it was not split', async () => {
    const { out } = await run([[]])
    expect(out).not.toContain('subjob  status')
    expect(out).toMatch(/^job +replan/)
  })
})
