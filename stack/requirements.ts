import { StackError } from './errors.ts'
import { javaVersionMin, type JavaSearch } from './java.ts'

export interface Found {
  readonly java: JavaSearch
  /** False when Maven is needed and isn't there. */
  readonly maven: boolean
  readonly platform: NodeJS.Platform
  readonly isRoot: boolean
}

/** An error that names all that is missing and the one command that installs it; undefined when nothing is missing. */
export function missingRequirements(found: Found): StackError | undefined {
  const missing: string[] = []
  const packages: string[] = []
  const mac = found.platform === 'darwin'
  if (found.java.usable === undefined) {
    const { tooOld } = found.java
    const have = tooOld === undefined ? '' : ` (${tooOld.command} is Java ${tooOld.version})`
    missing.push(`Java ${javaVersionMin} or newer${have}`)
    packages.push(mac ? 'openjdk@17' : 'openjdk-17-jre-headless')
  }
  if (!found.maven) {
    missing.push('Maven')
    packages.push('maven')
  }
  if (missing.length === 0) return undefined
  const command = mac ? 'brew install' : `${found.isRoot ? '' : 'sudo '}apt-get install -y`
  const where = mac ? '' : ' (Debian, Ubuntu; elsewhere the same from your system\'s packages)'
  return new StackError(
    'missing-requirements',
    `The local stack needs ${missing.join(' and ')}. Install with:\n\n  ${command} ${packages.join(' ')}\n\n${where.trim()}`
      .trimEnd() +
      '\nOr start Docker, or name servers that run elsewhere in DATAJOB_KAFKA_BROKERS, DATAJOB_REGISTRY_URL and DATAJOB_S3_ENDPOINT.',
  )
}
