import { inject } from 'vitest'
import type { StackAddresses } from './installation.ts'

/** The stack that test/global-setup.ts has started for the run. */
export function givenStack(): StackAddresses {
  return {
    kafkaBrokers: inject('kafkaBrokers'),
    registryUrl: inject('registryUrl'),
    s3Endpoint: inject('s3Endpoint'),
    s3AccessKey: inject('s3AccessKey'),
    s3SecretKey: inject('s3SecretKey'),
  }
}
