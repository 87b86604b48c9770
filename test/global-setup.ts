/** Starts the local stack once for a run of the suites; it ends with the run, even if that is killed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { ensureStack, stopStack } from '../stack/stack.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    kafkaBrokers: string
    registryUrl: string
    s3Endpoint: string
    s3AccessKey: string
    s3SecretKey: string
  }
}

export default async function startStack(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'datajob-test-stack-'))
  const say = (line: string): void => {
    process.stderr.write(`stack: ${line}\n`)
  }
  const stack = await ensureStack({ folder, lifetime: 'process', say })
  project.provide('kafkaBrokers', stack.kafkaBrokers)
  project.provide('registryUrl', stack.registryUrl)
  project.provide('s3Endpoint', stack.s3Endpoint)
  project.provide('s3AccessKey', stack.s3AccessKey)
  project.provide('s3SecretKey', stack.s3SecretKey)
  return async () => {
    await stopStack({ folder, discard: true })
    await rm(folder, { recursive: true, force: true })
  }
}
