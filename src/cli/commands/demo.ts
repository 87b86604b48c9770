import type { Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'

/** `datajob demo` */
export function addDemo(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('demo')
    .description('see jobs run from submission to results, from nothing')
    .option('--keep', 'leave everything up at the end, until Ctrl-C')
    .addHelpText('after', ABOUT)
    .action(
      asAction(async ({ keep = false }: { readonly keep?: boolean }) => {
        // Loaded here, because the other commands are quicker without all that it needs.
        const { demo } = await import('../demo/demo.ts')
        return await demo(cli, { keep })
      }),
    )
}

const ABOUT = `
Starts the local stack (or takes the one that runs), applies topics and schemas, starts the service and three simulated
producers, registers 1,000 network elements, and runs three jobs: 500 reads to a Kafka topic, 500 writes to an S3
bucket, and 150 reads of which one producer refuses some. Then it consumes the topic and reads the bucket, and holds
what it finds against what it submitted, operation by operation.

At its end, and on Ctrl-C, it stops all that it started; a stack that ran before stays up.

Exits with 0 only if every operation was reported exactly once and came out as it should.`
