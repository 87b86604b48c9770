import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { composeVariables, projectName, pullImages, whyNoDocker } from './docker.ts'

/** An environment whose `docker` is the given shell script. */
function withDocker(script: string): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'stack-docker-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'docker')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return { PATH: folder }
}

test('an engine with compose can be used', async () => {
  expect(await whyNoDocker(withDocker('exit 0'))).toBeUndefined()
})

test('a machine without the command, without the engine, and without compose are told apart', async () => {
  expect(await whyNoDocker({ PATH: '/nowhere' })).toBe('no docker command')
  expect(await whyNoDocker(withDocker('exit 1'))).toBe('no Docker engine answers')
  expect(await whyNoDocker(withDocker('test "$1" = info'))).toBe('this Docker has no compose command')
})

test('images that can\'t be had are reported in the last words of Docker', async () => {
  const env = withDocker('echo "pulling" >&2\necho "no such host" >&2\nexit 18')
  const pulled = pullImages({ folder: '/a', env, ports: {} }, ['kafka'])
  await expect(pulled).rejects.toMatchObject({ code: 'docker-failed', message: 'docker compose pull: no such host' })
})

test('compose is told the chosen ports and no others', () => {
  const variables = composeVariables({ kafka: 20_001, s3: 20_002, controller: 20_003 })
  expect(variables).toEqual({ DATAJOB_STACK_KAFKA_PORT: '20001', DATAJOB_STACK_S3_PORT: '20002' })
})

test('stacks in different folders are different projects with names that compose takes', () => {
  expect(projectName('/a')).not.toBe(projectName('/b'))
  expect(projectName('/a')).toMatch(/^[a-z0-9][a-z0-9_-]*$/)
})
