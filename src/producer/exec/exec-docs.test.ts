import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { execConfigSchema, readExecConfig } from './exec-config.ts'
import { readExecRequest } from './exec-request.ts'

const text = readFileSync(join(import.meta.dirname, '../../../docs/exec-producer.md'), 'utf8')

function examples(kind: string): readonly unknown[] {
  return [...text.matchAll(new RegExp(`^\`\`\`json ${kind}\n([^]*?)^\`\`\``, 'gm'))].map(([, json = '']) => JSON.parse(json) as unknown)
}

describe('docs/exec-producer.md', () => {
  it('has an example of a configuration that is one', () => {
    const [config] = examples('config')
    expect(readExecConfig(config, { cores: 4, memoryMB: 8_192 })).toMatchObject({ ok: true })
  })

  it('has examples of operations that are some', () => {
    expect(examples('operation').map((value) => readExecRequest(value).ok)).toEqual([true, true])
  })

  it('names every field of the configuration', () => {
    const { limits, ...others } = execConfigSchema.properties
    const fields = [...Object.keys(others), ...Object.keys(limits.properties)]
    expect(fields.filter((field) => !text.includes(`\`${field}\``))).toEqual([])
  })
})
