import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { RestFixture } from '../../test/fakes/rest-fixture.ts'
import { type AuthOptions, NO_AUTH } from './auth.ts'

const alice = { name: 'alice', secret: 'token-a' }
const bob = { name: 'bob', secret: 'pass:word ä' }
const root = { name: 'root', secret: 'token-o' }
const clientsOnly: AuthOptions = { bearerTokens: [alice], basicUsers: [bob], operatorTokens: [] }
const both: AuthOptions = { ...clientsOnly, operatorTokens: [root] }
const operatorsOnly: AuthOptions = { ...NO_AUTH, operatorTokens: [root] }

const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

describe('authentication', () => {
  it.each<[string, AuthOptions, string | undefined, number, number]>([
    ['nobody, where nobody must', NO_AUTH, undefined, 200, 200],
    ['nobody', both, undefined, 401, 401],
    ['a client by token', both, 'Bearer token-a', 200, 403],
    ['a client by token, whatever the scheme’s case', both, 'bearer token-a', 200, 403],
    ['a client by password', both, basic('bob', 'pass:word ä'), 200, 403],
    ['an operator', both, 'Bearer token-o', 200, 200],
    ['an unknown token', both, 'Bearer token-b', 401, 401],
    ['a token that begins like one', both, 'Bearer token-', 401, 401],
    ['another user’s password', both, basic('alice', 'pass:word ä'), 401, 401],
    ['a wrong password', both, basic('bob', 'pass'), 401, 401],
    ['an operator’s token as a password', both, basic('root', 'token-o'), 401, 401],
    ['no credentials at all', both, 'Basic', 401, 401],
    ['another scheme', both, 'Digest token-a', 401, 401],
    ['a client, with no operator configured', clientsOnly, 'Bearer token-a', 200, 403],
    ['nobody, with operators only', operatorsOnly, undefined, 200, 401],
  ])('lets in %s as far as it may go', async (_who, auth, authorization, jobs, inventory) => {
    const app = await new RestFixture().build({ auth })
    const headers = authorization === undefined ? {} : { authorization }
    expect((await app.inject({ url: '/ranoam/cm/v1/dataJob', headers })).statusCode).toBe(jobs)
    expect((await app.inject({ url: '/ncmpInventory/v1/dmi', headers })).statusCode).toBe(inventory)
    expect((await app.inject({ url: '/livez', headers })).statusCode).toBe(200)
  })

  it('says how to identify oneself', async () => {
    const app = await new RestFixture().build({ auth: both })
    const answer = await app.inject({ url: '/ranoam/cm/v1/dataJob' })
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="datajob", Basic realm="datajob", charset="UTF-8"')
    expect(answer.json()).toEqual({
      status: '401 UNAUTHORIZED',
      message: 'The request does not say who sent it, or the credentials are unknown',
      details: 'Send an Authorization header with credentials that the operator gave you.',
    })
  })

  it('tells a client that a plugin is an operator’s to register', async () => {
    const app = await new RestFixture().build({ auth: both })
    const headers = { authorization: 'Bearer token-a' }
    const answer = await app.inject({
      method: 'PUT',
      url: '/ncmpInventory/v1/dmi/x',
      payload: { baseUrl: 'http://x' },
      headers,
    })
    expect(answer.json()).toMatchObject({ status: '403 FORBIDDEN', message: 'Only an operator may do this' })
  })

  it('puts the name of who submits on the job, and no secret', async () => {
    const fixture = new RestFixture()
    const app = await fixture.build({ auth: both, metrics: new Registry() })
    const headers = { authorization: basic('bob', 'pass:word ä'), 'content-type': 'application/json' }
    await app.inject({
      method: 'POST',
      url: '/ranoam/cm/v1/dataJob',
      payload: '{"data":[{"op":"read","path":"/a"}]}',
      headers,
    })
    expect(fixture.command.submittedBy).toBe('bob')
    expect(JSON.stringify(fixture.command)).not.toContain('pass:word')
  })
})
