import type { Command } from 'commander'
import { startSimulatedProducer } from '../../producer/simulate.ts'
import {
  readSimulationOptions,
  simulationOptions,
  type SimulatedProducerOptions,
} from '../../producer/simulation-options.ts'
import type { AsAction, Cli } from '../cli.ts'
import { kafkaClient, loadSettings } from '../connections.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note, outputOption, printJsonLine, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { untilStopped } from '../until-stopped.ts'
import { addProducerExec } from './producer-exec.ts'

type SimulateOptions = Readonly<Partial<Record<keyof SimulatedProducerOptions, string>>> & {
  readonly output: OutputFormat
}

/** `datajob producer simulate` and `datajob producer exec` */
export function addProducer(program: Command, cli: Cli, asAction: AsAction): void {
  const producer = program.command('producer').description('data producers behind the DMI contract')
  const simulate = producer
    .command('simulate')
    .description('a producer that does no work: for trying out, tests and benchmarks')
  for (const { flag, argument, description, fallback, allowed } of Object.values(simulationOptions)) {
    simulate.option(`--${flag} <${argument}>`, `${description} (${allowed}; default: ${fallback === '' ? 'none' : fallback})`)
  }
  simulate
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(asAction((options: SimulateOptions) => simulateProducer(cli, options)))
  addProducerExec(producer, cli, asAction)
}

async function simulateProducer(cli: Cli, { output, ...given }: SimulateOptions): Promise<ExitCode> {
  const read = readSimulationOptions(given)
  if (!read.ok) throw new CommandFailure(ExitCode.Usage, read.problems.join('\n'))
  const { options } = read
  const events = options.resultTopic === '' ? null : await kafkaClient(await loadSettings(cli)).producer()
  const producer = await startSimulatedProducer(options, { events }).catch(async (error: unknown) => {
    await events?.close()
    throw listenFailure(error, options.port)
  })
  const stopped = untilStopped()
  const { out } = cli.screen
  if (output === 'json') printJsonLine(out, { name: options.name, url: producer.url, pid: process.pid })
  else printLines(out, [`${options.name} listens on ${producer.url}`])
  await stopped.first
  if (output === 'table') note(cli, 'stopping')
  await producer.close()
  await events?.close()
  stopped.release()
  return ExitCode.Ok
}

function listenFailure(error: unknown, port: number): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  const hint = 'Choose another with --port; 0 takes a free one.'
  if (error.code === 'EADDRINUSE')
    return new CommandFailure(ExitCode.Usage, `port ${port} is taken`, { hint, cause: error })
  if (error.code === 'EACCES')
    return new CommandFailure(ExitCode.Usage, `port ${port} is not allowed for you`, { hint, cause: error })
  return error
}

const ABOUT = `
It listens on 127.0.0.1 only and runs until it is stopped (SIGINT, SIGTERM). Register it as a DMI service with the
address that it prints:

  $ datajob producer simulate --name dmi-sim --delay-ms 100..2000 --fail-operations 'NRCellDU=13$'
  $ curl -X PUT http://127.0.0.1:8080/ncmpInventory/v1/dmi/dmi-sim -H 'content-type: application/json' \\
      -d '{"baseUrl": "http://127.0.0.1:PORT"}'

With -o json it prints one line when it listens: {"name": …, "url": …, "pid": …}.`
