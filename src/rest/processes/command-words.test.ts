import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commandWords } from './command-words.ts'

describe('the words of a command', () => {
  it.each([
    'echo hello',
    '  gdal_translate   -of COG\t"in put.tif" out.tif ',
    `sh 'echo "$HOME" > x'`,
    String.raw`printf a\ b "c\"d" 'e\f' "g\h" ""`,
    `a'b'"c"d`,
    String.raw`x\'y`,
    '',
  ])('are those that a shell has of %j', (text) => {
    const shown = execFileSync('/bin/sh', ['-c', `set -f; for each in ${text}; do printf '%s\\0' "$each"; done`], { encoding: 'utf8' })
    expect(commandWords(text)).toEqual(shown.split('\0').slice(0, -1))
  })

  it.each([`echo 'open`, 'echo "open', 'echo \\'])('are not there where %j does not end', (text) => {
    expect(commandWords(text)).toBeNull()
  })
})
