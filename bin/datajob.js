#!/usr/bin/env node
// Type stripping and node:sqlite need Node 24; an older Node says how to get there instead of failing on syntax.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  process.stderr.write(
    `datajob needs Node 24 or later; this is Node ${process.versions.node}.\n` +
      'In a clone, "npm ci" brings Node 24 along: start it with "npx datajob …" or "npm run datajob -- …".\n',
  )
  process.exit(2)
}
const { setFlagsFromString } = await import('node:v8')
// Where V8 saw at the start that what a piece of code makes lives long, it puts all that this code makes among the old from then on:
// a large job's operations would pile up there, dead, by the 100 MB (bench/upload.ts). It asks this flag when it compiles.
setFlagsFromString('--no-allocation-site-pretenuring')
const { enableCompileCache } = await import('node:module')
const { fileURLToPath } = await import('node:url')
// Halves the time until a command does something. Where the folder can't be written to, everything works without it.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/datajob', import.meta.url)))
const { silenceKnownWarnings } = await import('../src/runtime/warnings.ts')
silenceKnownWarnings(process)
await import('../src/cli/main.ts')
