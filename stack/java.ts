import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The oldest Java that Kafka 4, the registry and the S3 server run on. */
export const javaVersionMin = 17

export interface Java {
  readonly command: string
  readonly version: number
}

/** What was found when looking for a Java: one that will do, or the newest of those that won't. */
export type JavaSearch = { readonly usable: Java } | { readonly usable: undefined; readonly tooOld: Java | undefined }

/** Looks at JAVA_HOME, the PATH, and where Homebrew puts a Java that it doesn't link. */
export async function findJava(env: NodeJS.ProcessEnv): Promise<JavaSearch> {
  const home = env['JAVA_HOME'] === undefined ? [] : [join(env['JAVA_HOME'], 'bin', 'java')]
  const kegs = ['/opt/homebrew/opt', '/usr/local/opt'].flatMap((base) =>
    ['openjdk', 'openjdk@21', 'openjdk@17'].map((keg) => join(base, keg, 'bin', 'java')),
  )
  let tooOld: Java | undefined
  for (const command of [...home.filter(existsSync), 'java', ...kegs.filter(existsSync)]) {
    const java = await lookAt(command, env)
    if (java === undefined) continue
    if (java.version >= javaVersionMin) return { usable: java }
    if (tooOld === undefined || java.version > tooOld.version) tooOld = java
  }
  return { usable: undefined, tooOld }
}

/** The feature release in the output of `java -version`: 17 for "17.0.15", 8 for "1.8.0_392". */
export function parseJavaVersion(output: string): number | undefined {
  const match = /version "(?:1\.)?(\d+)/.exec(output)
  return match === null ? undefined : Number(match[1])
}

function lookAt(command: string, env: NodeJS.ProcessEnv): Promise<Java | undefined> {
  return new Promise((resolve) => {
    execFile(command, ['-version'], { env, timeout: 10_000 }, (error, stdout, stderr) => {
      const version = error === null ? parseJavaVersion(stderr + stdout) : undefined
      resolve(version === undefined ? undefined : { command, version })
    })
  })
}
