import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { ProcessRegistered } from '../../../domain/inventory-messages.ts'
import { NO_AUTH } from '../../auth.ts'
import { CONFORMS_TO } from './mapping.ts'

interface Link {
  readonly rel: string
  readonly href: string
}
interface ProcessList {
  readonly processes: readonly { readonly id: string }[]
  readonly links: readonly Link[]
}

const HOST = 'jobs.example:8080'
const BASES = ['ogc-api', 'wps3']

let fixture: RestFixture
let app: FastifyInstance

const get = (url: string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
  app.inject({ url, headers: { host: HOST, ...headers } })
const hrefs = ({ links }: { readonly links: readonly Link[] }): Record<string, string> =>
  Object.fromEntries(links.map(({ rel, href }) => [rel, href]))
const register = (tenant: string, id: string, description: object = {}): void => {
  const process: ProcessRegistered = {
    ...{ type: 'ProcessRegistered', tenant, id, version: '2.1', description: JSON.stringify(description), modes: ['async'] },
    ...{ executionUnit: null, service: 'exec', mutable: true, registeredAt: 1_000 },
  }
  fixture.processes.put(process)
}

beforeEach(async () => {
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
})

describe.each(BASES)('the base %s', (base) => {
  const root = base === 'ogc-api' ? `http://${HOST}/east/ogc-api` : '/east/wps3'
  const at = (path: string): string => `/east/${base}${path}`

  it.each(['', '/'])('has a landing page whose links lead to what they say (with "%s" at its end)', async (end) => {
    const page = await get(at(end))
    expect(page.statusCode).toBe(200)
    const links = hrefs(page.json())
    expect(Object.keys(links).filter((rel) => !rel.startsWith('http'))).toEqual(['self', 'service-desc', 'service-doc'])
    expect(links['http://www.opengis.net/def/rel/ogc/1.0/processes']).toBe(`${root}/processes`)
    expect(links['http://www.opengis.net/def/rel/ogc/1.0/conformance']).toBe(`${root}/conformance`)
    expect(links['http://www.opengis.net/def/rel/ogc/1.0/job-list']).toBe(`${root}/jobs`)
    for (const href of Object.values(links)) {
      expect((await get(href.replace(`http://${HOST}`, ''))).statusCode).toBe(200)
    }
  })

  it('has a page for people, of which every part is the server’s own', async () => {
    const page = await get(at('/api.html'))
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    const found = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)]
    const parts = found.map(([, href = '']) => new URL(href, `http://x${at('/api.html')}`).pathname)
    expect(parts).toHaveLength(3)
    for (const part of parts) expect([part, (await get(part)).statusCode]).toEqual([part, 200])
  })

  it('takes paths behind an address that ends in a slash, and with one at their own end', async () => {
    for (const path of ['//processes', '/processes/', '/processes/echo/']) expect((await get(at(path))).statusCode).toBe(200)
  })

  it('says what of the standard is served', async () => {
    expect((await get(at('/conformance'))).json()).toEqual({ conformsTo: CONFORMS_TO })
  })

  it('describes the process that every workspace has', async () => {
    const answer = await get(at('/processes/echo'))
    expect(answer.statusCode).toBe(200)
    const process = answer.json<{ inputs: Record<string, { minOccurs?: number; schema: object }>; outputs: object }>()
    expect(process).toMatchObject({
      ...{ id: 'echo', version: '1.0.0', title: 'Echo', mutable: false },
      jobControlOptions: ['sync-execute', 'async-execute', 'dismiss'],
      links: [{ rel: 'self', href: `${root}/processes/echo`, type: 'application/json' }],
    })
    expect(Object.keys(process.inputs)).toEqual(['string', 'number', 'boolean', 'object', 'array', 'bbox', 'pause'])
    expect(Object.keys(process.outputs)).toEqual(['string', 'number', 'boolean', 'object', 'array', 'bbox'])
    const required = Object.entries(process.inputs).filter(([, { minOccurs }]) => minOccurs !== 0)
    expect(required.map(([name]) => name)).toEqual(['string'])
  })

  it('lists summaries of the processes of the workspace, and of no other', async () => {
    register('east', 'ndvi', { title: 'NDVI', keywords: ['index'], inputs: { scene: { schema: { type: 'string' } } }, id: 'other' })
    register('west', 'flood')
    const { processes } = (await get(at('/processes'))).json<ProcessList>()
    expect(processes.map(({ id }) => id)).toEqual(['echo', 'ndvi'])
    expect(processes[1]).toEqual({
      ...{ id: 'ndvi', version: '2.1', title: 'NDVI', keywords: ['index'], mutable: true },
      ...{ jobControlOptions: ['async-execute', 'dismiss'], outputTransmission: ['value'] },
      links: [{ rel: 'self', href: `${root}/processes/ndvi`, type: 'application/json', title: 'The description of the process' }],
    })
    expect((await get(at('/processes/flood'))).statusCode).toBe(404)
  })

  it('pages through processes by its links, forward and back', async () => {
    for (const id of ['a b', 'd&e', 'z']) register('east', id)
    const pages: (readonly string[])[] = []
    const follow = async (first: string, rel: string): Promise<string> => {
      let url = first
      for (;;) {
        const page = (await get(url.replace(`http://${HOST}`, ''))).json<ProcessList>()
        pages.push(page.processes.map(({ id }) => id))
        const href = hrefs(page)[rel]
        if (href === undefined) return url
        expect(href).toMatch(root)
        url = href
      }
    }
    const last = await follow(at('/processes?limit=2'), 'next')
    expect(pages).toEqual([['a b', 'd&e'], ['echo', 'z']])
    await follow(last, 'prev')
    expect(pages.slice(2)).toEqual([['echo', 'z'], ['a b', 'd&e']])
  })

  it('finds a process whose id is not plain', async () => {
    register('east', 'a/b c')
    const [link] = (await get(at('/processes/a%2Fb%20c'))).json<{ links: readonly Link[] }>().links
    expect(link?.href).toBe(`${root}/processes/a%2Fb%20c`)
  })

  it.each([
    ['/processes/none', 404, 'http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-process'],
    ['/processes?limit=0', 400, 'about:blank'],
    ['/processes?limit=10001', 400, 'about:blank'],
    ['/processes?limt=1', 400, 'about:blank'],
    ['/nothing', 404, 'about:blank'],
    ['/processes/%E0%A4%A', 400, 'about:blank'],
  ])('answers %s with an exception of the standard, status %d', async (path, status, type) => {
    const answer = await get(at(path))
    expect(answer.statusCode).toBe(status)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.json()).toMatchObject({ status, type, instance: at(path).split('?')[0] })
    expect(answer.json<{ title: string }>().title).toMatch(/^[A-Z]/)
  })

  it('answers a method that a path does not have with 405 and those it has', async () => {
    const answer = await app.inject({ method: 'PATCH', url: at('/processes'), headers: { accept: 'application/problem+json' } })
    expect(answer.statusCode).toBe(405)
    expect(answer.headers).toMatchObject({ allow: 'GET, HEAD, POST', 'content-type': 'application/problem+json' })
  })

  it('refuses a workspace whose name could be mistaken for something else', async () => {
    for (const name of ['.east', 'a%2Fb', '%20', 'x'.repeat(65)]) expect((await get(`/${name}/${base}/processes`)).statusCode).toBe(400)
  })

  it('lets in nobody who is not known, once clients have credentials', async () => {
    app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: [{ name: 'n', secret: 's' }] } })
    const refused = await get(at('/processes'))
    expect([refused.statusCode, refused.json<{ status: number }>().status]).toEqual([401, 401])
    expect(refused.headers['www-authenticate']).toMatch('Bearer')
    expect((await get(at('/processes'), { authorization: 'Bearer s' })).statusCode).toBe(200)
  })
})

describe('the links of a server that is reached elsewhere', () => {
  it.each([
    ['ogc-api', 'https://example.org/jobs/east/ogc-api/processes/echo'],
    ['wps3', '/jobs/east/wps3/processes/echo'],
  ])('of the base %s are %s', async (base, href) => {
    app = await new RestFixture().build({ apiRoot: 'https://example.org/jobs/' })
    expect((await get(`/east/${base}/processes/echo`)).json<{ links: readonly Link[] }>().links[0]?.href).toBe(href)
  })
})

it('there are no workspaces but those that the operator names', async () => {
  const named = await new RestFixture().build({ workspaces: ['east'] })
  expect((await named.inject({ url: '/east/ogc-api/processes' })).statusCode).toBe(200)
  const answer = await named.inject({ url: '/west/wps3/processes' })
  expect(answer.json()).toMatchObject({ status: 404, detail: 'There is no workspace "west". The operator says which there are.' })
  await named.close()
})
