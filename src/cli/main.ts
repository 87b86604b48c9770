import { createCli } from './cli.ts'
import { runProgram } from './program.ts'

// Whoever reads our output may stop before its end, as `head` does: nothing is wrong then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

const { stdin, stdout, stderr, env, argv } = process
process.exitCode = await runProgram(argv.slice(2), createCli({ stdin, stdout, stderr }, env))
