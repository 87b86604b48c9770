import { StackError } from './errors.ts'
import { registryUrl } from './registry.ts'
import { s3Credentials, s3Endpoint } from './s3.ts'
import { brokersOf, type PortName, type StackState } from './state.ts'

/** Where the servers are and how to sign in. Everything that a client of the stack has to know. */
export interface StackEndpoints {
  /** `host:port`, several separated by commas. */
  readonly kafkaBrokers: string
  /** Base address of the Confluent-compatible API, without a trailing slash. */
  readonly registryUrl: string
  readonly s3Endpoint: string
  readonly s3AccessKey: string
  readonly s3SecretKey: string
  readonly s3Region: string
}

type S3Access = Pick<StackEndpoints, 's3Endpoint' | 's3AccessKey' | 's3SecretKey' | 's3Region'>

/** The servers that the environment names. They run elsewhere: the stack neither starts nor stops them. */
export interface GivenEndpoints {
  readonly kafka?: string
  readonly registry?: string
  readonly s3?: S3Access
}

/** Reads the endpoints from the environment. Throws a StackError `bad-setting` for an S3 endpoint without its keys. */
export function givenEndpoints(env: NodeJS.ProcessEnv): GivenEndpoints {
  const kafka = filled(env, 'DATAJOB_KAFKA_BROKERS')
  const registry = filled(env, 'DATAJOB_REGISTRY_URL')
  const s3 = givenS3(env)
  return {
    ...(kafka === undefined ? {} : { kafka }),
    ...(registry === undefined ? {} : { registry: registry.replace(/\/+$/, '') }),
    ...(s3 === undefined ? {} : { s3 }),
  }
}

/** All endpoints: the given ones, and for the rest the ports the stack runs on. */
export function endpointsOf(given: GivenEndpoints, ports: StackState['ports']): StackEndpoints {
  return {
    kafkaBrokers: given.kafka ?? addressesOf(ports).join(),
    registryUrl: given.registry ?? registryUrl(portOf(ports, 'registry')),
    ...(given.s3 ?? {
      s3Endpoint: s3Endpoint(portOf(ports, 's3')),
      s3AccessKey: s3Credentials.accessKey,
      s3SecretKey: s3Credentials.secretKey,
      s3Region: s3Credentials.region,
    }),
  }
}

function addressesOf(ports: StackState['ports']): readonly string[] {
  const extra = brokersOf(ports).filter((name) => name !== 'kafka')
  return (['kafka', ...extra] as const).map((name) => `127.0.0.1:${portOf(ports, name)}`)
}

/** The endpoints as the variables that hand them on to another process. */
export function asEnvironment(endpoints: StackEndpoints): Record<string, string> {
  return {
    DATAJOB_KAFKA_BROKERS: endpoints.kafkaBrokers,
    DATAJOB_REGISTRY_URL: endpoints.registryUrl,
    DATAJOB_S3_ENDPOINT: endpoints.s3Endpoint,
    DATAJOB_S3_ACCESS_KEY: endpoints.s3AccessKey,
    DATAJOB_S3_SECRET_KEY: endpoints.s3SecretKey,
    DATAJOB_S3_REGION: endpoints.s3Region,
  }
}

/** The port of a server that was started. */
export function portOf(ports: StackState['ports'], name: PortName): number {
  const port = ports[name]
  if (port === undefined) throw new Error(`no port was chosen for ${name}`)
  return port
}

function givenS3(env: NodeJS.ProcessEnv): S3Access | undefined {
  const endpoint = filled(env, 'DATAJOB_S3_ENDPOINT')
  if (endpoint === undefined) return undefined
  const accessKey = filled(env, 'DATAJOB_S3_ACCESS_KEY')
  const secretKey = filled(env, 'DATAJOB_S3_SECRET_KEY')
  if (accessKey === undefined || secretKey === undefined) {
    throw new StackError(
      'bad-setting',
      `DATAJOB_S3_ENDPOINT is ${endpoint}: set DATAJOB_S3_ACCESS_KEY and DATAJOB_S3_SECRET_KEY for it as well`,
    )
  }
  return {
    s3Endpoint: endpoint.replace(/\/+$/, ''),
    s3AccessKey: accessKey,
    s3SecretKey: secretKey,
    s3Region: filled(env, 'DATAJOB_S3_REGION') ?? s3Credentials.region,
  }
}

function filled(env: NodeJS.ProcessEnv, key: string): string | undefined {
  const value = env[key]?.trim()
  return value === '' ? undefined : value
}
