/** Writes the pages that are made from code; with --check, fails when one is not what the code says. */
import { readFile, writeFile } from 'node:fs/promises'
import { configDoc } from './config-doc.ts'
import { dialectsDoc } from './dialects-doc.ts'
import { clientTypes, openapiDoc } from './openapi-doc.ts'
import { stateMachineDoc } from './state-machine-doc.ts'

const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/config.md': configDoc,
  'docs/dialects.md': dialectsDoc,
  'docs/state-machine.md': stateMachineDoc,
  'docs/openapi.json': openapiDoc,
  'examples/typescript-client/datajob-api.d.ts': clientTypes,
}

const check = process.argv.includes('--check')
for (const [file, make] of Object.entries(pages)) {
  const wanted = await make()
  const found = await readFile(file, 'utf8').catch(() => '')
  if (found === wanted) continue
  if (check) {
    console.error(`${file} is not what the code says: run "npm run docs" and commit it`)
    process.exitCode = 1
  } else {
    await writeFile(file, wanted)
    console.log(`wrote ${file}`)
  }
}
