import { expect, it } from 'vitest'
import { exerciseDialectDocument } from '../../../../test/fakes/dialect-document.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from '../../auth.ts'
import { isDaggyPath } from './base.ts'

exerciseDialectDocument({
  ...{ document: '/v1/dagruns/api', page: '/v1/dagruns/api.html', base: '', isOwn: isDaggyPath },
  ...{ list: '/v1/dagruns', error: 'error' },
  operations: [
    ...['delete /v1/dagrun/{runid}', 'delete /v1/dagrun/{runid}/task/{taskName}', 'get /ready', 'get /v1/dagrun/{runid}'],
    ...['get /v1/dagrun/{runid}/state', 'get /v1/dagrun/{runid}/task/{taskName}', 'get /v1/dagrun/{runid}/task/{taskName}/state'],
    ...['get /v1/dagruns', 'patch /v1/dagrun/{runid}/state/{state}', 'post /v1/dagrun', 'post /v1/dagrun/validate'],
  ],
})

it('whether it answers is said without credentials', async () => {
  const app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: [{ name: 'n', secret: 's' }] } })
  expect((await app.inject('/ready')).statusCode).toBe(200)
  await app.close()
})
