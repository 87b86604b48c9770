import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

interface Ban {
  readonly name: string
  readonly pattern: RegExp
  readonly files: (file: string) => boolean
}

const isProduct = (file: string): boolean => file.startsWith('src/') && !file.endsWith('.test.ts')

const bans: readonly Ban[] = [
  {
    name: 'time, randomness and timers enter through src/runtime',
    pattern: /Date\.now\(|new Date\(\)|Math\.random\(|(?<![.\w])(?:setTimeout|setInterval)\(|performance\.now\(/,
    files: (file) => isProduct(file) && !file.startsWith('src/runtime/') && !file.startsWith('src/producer/'),
  },
  {
    name: 'only the command line writes to the console',
    pattern: /console\.(?:log|error|warn|info)\(/,
    files: (file) => isProduct(file) && !file.startsWith('src/cli/'),
  },
  {
    name: 'only src/config, the command line and the stack read the environment',
    pattern: /process\.env/,
    files: (file) => isProduct(file) && !file.startsWith('src/config/') && !file.startsWith('src/cli/'),
  },
  {
    name: 'one file begins, commits and aborts transactions',
    pattern: /\.transaction\(\)|\.abort\(\)\s*;?\s*\/\/ transaction/,
    files: (file) => isProduct(file) && file !== 'src/kafka/kafkajs/transactional-producer.ts',
  },
  {
    name: 'nothing is left for later',
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/,
    files: (file) => !file.startsWith('test/tidy/'),
  },
  {
    name: 'no rule is switched off for a line',
    pattern: /eslint-disable|@ts-ignore|@ts-expect-error|@ts-nocheck|\b(?:it|test|describe)\.(?:skip|only|todo|fails)\b/,
    files: (file) => !file.startsWith('test/tidy/'),
  },
]

const LINE_LENGTH_MAX = 140

/** Declarations are made by programs. */
function sources(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.js'], { cwd: root })
  return listed.toString().split('\n').filter((file) => file !== '' && !file.endsWith('.d.ts'))
}

function findings(files: readonly string[], pattern: RegExp): readonly string[] {
  return files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
  )
}

describe('the tree is tidy', () => {
  const files = sources()

  it('finds its own sources', () => {
    expect(files).toContain('test/tidy/tidy.test.ts')
  })

  for (const { name, pattern, files: applies } of bans) {
    it(name, () => {
      expect(findings(files.filter(applies), pattern)).toEqual([])
    })
  }

  it(`no line is longer than ${LINE_LENGTH_MAX} characters`, () => {
    expect(findings(files, new RegExp(`^.{${LINE_LENGTH_MAX + 1},}$`))).toEqual([])
  })
})
