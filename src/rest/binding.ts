import { isLoopback } from '../runtime/loopback.ts'
import type { AuthOptions } from './auth.ts'
import { hasClientCredentials, hasOperatorCredentials } from './auth.ts'

export interface Binding {
  readonly host: string
  readonly port: number
  /** Listens beyond this machine although anybody may submit jobs and register plugins. */
  readonly insecure: boolean
}

/** The server would be open to others without authentication. Starting again changes nothing: a person must decide. */
export class UnsafeBinding extends Error {
  override readonly name = 'UnsafeBinding'
  readonly disposition = 'fatal'
  readonly host: string

  constructor(host: string, missing: string) {
    super(
      `refusing to listen on "${host}", which others can reach, without ${missing}: ` +
        'configure it (DATAJOB_CLIENT_TOKENS, DATAJOB_OPERATOR_TOKENS), listen on 127.0.0.1, ' +
        'or say --insecure if the network itself keeps strangers out',
    )
    this.host = host
  }
}

/** Throws UnsafeBinding unless the address is this machine's own, or clients and operators must identify themselves. */
export function checkBinding(binding: Binding, auth: AuthOptions): void {
  if (binding.insecure || isLoopback(binding.host)) return
  if (!hasClientCredentials(auth)) throw new UnsafeBinding(binding.host, 'client authentication')
  if (!hasOperatorCredentials(auth)) throw new UnsafeBinding(binding.host, 'an operator’s token')
}
