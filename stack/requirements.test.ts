import { expect, test } from 'vitest'
import type { JavaSearch } from './java.ts'
import { missingRequirements } from './requirements.ts'

const java17: JavaSearch = { usable: { command: 'java', version: 17 } }
const java11: JavaSearch = { usable: undefined, tooOld: { command: '/usr/bin/java', version: 11 } }
const noJava: JavaSearch = { usable: undefined, tooOld: undefined }
const debian = { platform: 'linux', isRoot: true } as const

test('nothing is missing where Java and Maven are there', () => {
  expect(missingRequirements({ ...debian, java: java17, maven: true })).toBeUndefined()
})

test('Java and Maven are named together, with one command for both', () => {
  const error = missingRequirements({ ...debian, java: noJava, maven: false })
  expect(error?.message).toContain('Java 17 or newer and Maven')
  expect(error?.message).toContain('\n  apt-get install -y openjdk-17-jre-headless maven\n')
})

test('a Java that is too old is named with its version', () => {
  const error = missingRequirements({ ...debian, java: java11, maven: true })
  expect(error?.message).toContain('/usr/bin/java is Java 11')
  expect(error?.message).not.toMatch(/install.*maven/)
})

test('who is not root gets the command with sudo', () => {
  const error = missingRequirements({ ...debian, isRoot: false, java: java17, maven: false })
  expect(error?.message).toContain('\n  sudo apt-get install -y maven\n')
})

test('on macOS the command is brew\'s', () => {
  const error = missingRequirements({ platform: 'darwin', isRoot: false, java: noJava, maven: false })
  expect(error?.message).toContain('\n  brew install openjdk@17 maven\n')
})
