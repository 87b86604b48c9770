/** What every dialect's OpenAPI document promises; each dialect's own test says what is its own of it. */
import type { FastifyInstance, InjectOptions } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { type AuthOptions, NO_AUTH } from '../../src/rest/auth.ts'
import { type ApiDocument, expectNamedParameters, expectPlainSchemas, expectValid } from './api-document.ts'
import { RestFixture } from './rest-fixture.ts'

export interface DescribedDialect {
  /** Where it describes itself, for programs and for people. */
  readonly document: string
  readonly page: string
  /** What its paths are below of, as a part of the address. */
  readonly base: string
  /** Such as `get /jobs`, in any order. */
  readonly operations: readonly string[]
  /** Whether a path of the server is one of the dialect’s. */
  readonly isOwn: (path: string) => boolean
  /** One of its lists, as a path of the document. */
  readonly list: string
  /** The member of an error's body that says what is wrong. */
  readonly error: string
}

const TOKEN: AuthOptions = { ...NO_AUTH, bearerTokens: [{ name: 'n', secret: 's' }] }

export function exerciseDialectDocument({ document, page, base, operations, isOwn, list, error }: DescribedDialect): void {
  describe('the description of the dialect', () => {
    let app: FastifyInstance
    const read = async (headers: InjectOptions['headers'] = {}): Promise<ApiDocument> => {
      return (await app.inject({ url: document, headers: { host: 'jobs.example', ...headers } })).json()
    }

    beforeEach(async () => {
      app = await new RestFixture().build()
      return () => app.close()
    })

    it('names each path that is served, and nothing else', async () => {
      const { openapi, servers, paths } = await read()
      expect([openapi, servers]).toEqual(['3.0.3', [{ url: `http://jobs.example${base}` }]])
      const named = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
      expect(named.sort()).toEqual([...operations].sort())
      expectNamedParameters(await read())
    })

    it('is one by a validator’s judgement, with examples that are what they are examples of', async () => {
      await expectValid(await read())
      expectPlainSchemas(await read())
    })

    it('shows each error as it is answered', async () => {
      const { paths } = await read()
      const described = Object.values(paths).flatMap((methods) => Object.values(methods))
      const answers = described.flatMap(({ responses }) => Object.entries(responses))
      const errors = answers.filter(([status]) => Number(status) >= 400)
      expect(errors.length).toBeGreaterThan(20)
      for (const [, { content = {} }] of errors) {
        expect(content).toMatchObject({ 'application/json': { example: { [error]: expect.any(String) as string } } })
      }
    })

    it('is not in the main description, and has a page for people, whose parts are where it looks for them', async () => {
      const main = (await app.inject('/openapi.json')).json<ApiDocument>()
      expect(Object.keys(main.paths).filter(isOwn)).toEqual([])
      const shown = await app.inject(page)
      const address = `http://jobs.example/x${page}`
      const parts = Array.from(shown.body.matchAll(/(?:src|href)="([^"]+)"/g), ([, part = '']) => new URL(part, address))
      expect(parts).toHaveLength(3)
      for (const { pathname } of parts) {
        expect(pathname).toMatch(/^\/x\//)
        expect((await app.inject(pathname.slice('/x'.length))).statusCode, pathname).toBe(200)
      }
    })

    it('says which credentials are needed', async () => {
      app = await new RestFixture().build({ auth: TOKEN })
      expect((await app.inject(`${base}${list}`)).json()).toEqual({ [error]: expect.any(String) as string })
      const { components, paths } = await read({ authorization: 'Bearer s' })
      expect(components).toMatchObject({ securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } })
      expect(paths[list]?.['get']?.security).toEqual([{ bearer: [] }])
    })
  })
}
