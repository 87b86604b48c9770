import { describe, expect, it } from 'vitest'
import { runCli } from './cli-test-run.ts'
import { ExitCode, exitCodeMeanings } from './exit-codes.ts'

const commands = [
  'submit',
  'get',
  'watch',
  'list',
  'results',
  'serve',
  'topics',
  'dead-letters',
  'producer',
  'stack',
  'demo',
  'exit-codes',
]

describe('help', () => {
  it('is printed on stdout where it is asked for, and names every command', async () => {
    const { exitCode, out, err } = await runCli(['--help'])
    expect(exitCode).toBe(ExitCode.Ok)
    expect(err).toBe('')
    for (const command of commands) expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'))
  })

  it.each(commands.map((command) => [command]))('of %s says what it does', async (command) => {
    const { exitCode, out } = await runCli(['help', command])
    expect(exitCode).toBe(ExitCode.Ok)
    expect(out).toMatch(/^Usage: datajob/)
  })

  it.each([['submit'], ['get'], ['watch'], ['list'], ['results'], ['serve']])(
    'of %s has examples and exit codes or what JSON it prints',
    async (command) => {
      const { out } = await runCli([command, '--help'])
      expect(out).toContain(`$ datajob ${command}`)
      expect(out).toMatch(/Exits with|As JSON/)
    },
  )

  it('of exit-codes has all of them', async () => {
    const { out } = await runCli(['help', 'exit-codes'])
    for (const [code, meaning] of exitCodeMeanings) expect(out).toContain(`${code}  ${meaning}`)
    expect(exitCodeMeanings.map(([code]) => code)).toEqual(Object.values(ExitCode))
  })
})

describe('wrong use', () => {
  it.each([
    ['no command at all', []],
    ['an unknown command', ['sbumit']],
    ['an unknown option', ['list', '--colour']],
    ['an argument too many', ['get', 'a', 'b']],
    ['an argument missing', ['get']],
    ['an output format that there is none of', ['list', '-o', 'yaml']],
    ['a status that there is none of', ['list', '--status', 'DONE']],
    ['a limit out of range', ['list', '--limit', '0']],
    ['a duration that is none', ['watch', 'a', '--timeout', 'soon']],
    ['a URL that is none', ['get', 'a', '--url', 'localhost:8080']],
    ['a file that is not there', ['submit', '/nonexistent/job.json']],
    ['a timeout for a submission that is not watched', ['submit', '-', '--timeout', '5s']],
    ['a header for a door that has none', ['submit', '-', '--via', 'kafka', '--idempotency-key', 'k']],
    ['a destination without its kind', ['results', 'a', '--destination', 'somewhere']],
    ['roles that there are none of', ['serve', '--roles', 'cook']],
    ['a broker that is none', ['topics', 'apply', '--brokers', 'nowhere']],
    ['a dead letter that is none', ['dead-letters', 'show', '17']],
    ['a redrive of nothing', ['dead-letters', 'redrive']],
    ['a redrive of some and of all', ['dead-letters', 'redrive', '0-1', '--all']],
    ['a redrive of some that are chosen twice', ['dead-letters', 'redrive', '0-1', '--cause', 'x']],
    ['an instant without a zone', ['dead-letters', 'list', '--since', '2026-03-01T12:00:00']],
    ['a simulated producer that can not be', ['producer', 'simulate', '--delay-ms', '9..1']],
  ])('%s ends with 2 and one message on stderr', async (_, args) => {
    const { exitCode, out, err } = await runCli(args)
    expect(exitCode).toBe(ExitCode.Usage)
    expect(out).toBe('')
    expect(err).not.toBe('')
  })

  it('names every setting that is wrong', async () => {
    const { exitCode, err } = await runCli(['topics', 'describe'], {
      env: { DATAJOB_PARTITIONS: '0', DATAJOB_COLOUR: 'red' },
    })
    expect(exitCode).toBe(ExitCode.Usage)
    expect(err).toContain('DATAJOB_PARTITIONS')
    expect(err).toContain('DATAJOB_COLOUR')
  })

  it('suggests what was meant', async () => {
    expect((await runCli(['lst'])).err).toContain('Did you mean list?')
  })

  it.each([[['frobnicate']], [['topics', 'frobnicate']], [['list', '--colour']], [['get']]])(
    'points to the help: %j',
    async (args) => {
      expect((await runCli(args)).err).toContain('"datajob --help" lists the commands')
    },
  )
})
