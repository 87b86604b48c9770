import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readVersion } from '../src/config/version.ts'
import { RestFixture } from '../test/fakes/rest-fixture.ts'

const GENERATOR = join(import.meta.dirname, '../node_modules/.bin/openapi-typescript')

/** The API's description, as a service that asks for no credentials serves it at /openapi.json. */
export async function openapiDoc(): Promise<string> {
  const app = await new RestFixture().build({ version: readVersion() })
  try {
    const { body } = await app.inject({ url: '/openapi.json' })
    return `${JSON.stringify(JSON.parse(body), undefined, 2)}\n`
  } finally {
    await app.close()
  }
}

/** The types of a client of that API, for examples/typescript-client. */
export async function clientTypes(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'datajob-openapi-'))
  try {
    const [document, types] = [join(folder, 'openapi.json'), join(folder, 'datajob-api.d.ts')]
    await writeFile(document, await openapiDoc())
    // A member of a request that has a default may be left out.
    await promisify(execFile)(GENERATOR, [document, '--output', types, '--default-non-nullable=false'])
    return await readFile(types, 'utf8')
  } finally {
    await rm(folder, { recursive: true })
  }
}
