import { Option, type Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'
import { brokersOption, urlOption } from '../connections.ts'
import { durationMs, outputOption } from '../options.ts'
import type { ResultsOptions } from '../results/results-options.ts'

/** `datajob results JOBID` */
export function addResults(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('results')
    .description("print a job's results from where they went")
    .argument('<jobId>', 'the job')
    .option('--headers', 'show the events of a topic one by one, with their headers')
    .option('--no-wait', 'print what is there now, also of a job that has not ended')
    .option('--timeout <duration>', 'give up after this time, as in 30s or 5m', durationMs)
    .addOption(new Option('--destination <destination>', 'kafka:TOPIC or s3:BUCKET; else the service is asked'))
    .addOption(urlOption())
    .addOption(brokersOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction(async (jobId: string, options: ResultsOptions) => {
        // Loaded here, because the other commands are quicker without an S3 client.
        const { printResults } = await import('../results/print-results.ts')
        return await printResults(cli, jobId, options)
      }),
    )
}

const ABOUT = `
A topic is read from its beginning, committed records only, until the job's last event was seen. Of a bucket the
manifest is read, which is written last, and then the objects that it names.

As a table it is a line for each operation. With -o json it is a line for each event or object; a value is as it was
published, but a result that came in parts is put together again, unless --headers asks for the events one by one.
Operations that failed have a code other than 0 and 1.

Examples:
  $ datajob results replan-7
  $ datajob results replan-7 --headers | less
  $ datajob results replan-7 -o json | jq -c '.value.data.responses[]? | select(.statusCode > 1)'

Exits with 0 when all results of the job were printed, 3 when there is no such job or its results are gone, 4 when the
service, Kafka or the object store do not answer, 5 when the time is over.`
