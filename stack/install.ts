import { findJava } from './java.ts'
import { fetchServers, hasMaven, isFetched, type FetchOptions } from './maven.ts'
import { missingRequirements } from './requirements.ts'

/** What a server on the JVM is started with. */
export interface Installation {
  /** The java command. */
  readonly java: string
  /** The folder with the servers' files, see maven.ts. */
  readonly libraries: string
}

/** Java and the servers' files, fetched if need be. Throws a StackError `missing-requirements` that names all that is missing. */
export async function install(options: Omit<FetchOptions, 'java'>): Promise<Installation> {
  const [java, maven] = await Promise.all([
    findJava(options.env),
    isFetched() ? true : hasMaven(options.env),
  ])
  const isRoot = process.getuid?.() === 0
  const missing = missingRequirements({ java, maven, platform: process.platform, isRoot })
  if (java.usable === undefined || missing !== undefined) throw missing ?? new Error('no Java, and nothing missing')
  return { java: java.usable.command, libraries: await fetchServers({ ...options, java: java.usable.command }) }
}
