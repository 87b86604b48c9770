import { describe, expect, it } from 'vitest'
import { type AuthOptions, NO_AUTH } from './auth.ts'
import { checkBinding, UnsafeBinding } from './binding.ts'

const one = [{ name: 'n', secret: 's' }]
const clients: AuthOptions = { ...NO_AUTH, bearerTokens: one }
const all: AuthOptions = { ...clients, operatorTokens: one }
const check = (host: string, auth: AuthOptions, insecure = false) => (): void => {
  checkBinding({ host, port: 8080, insecure }, auth)
}

describe('an address to listen on', () => {
  it.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1'])('is safe on this machine alone: %s', (host) => {
    expect(check(host, NO_AUTH)).not.toThrow()
  })

  it.each([
    '0.0.0.0', '::', '192.168.1.2', 'jobs.example.org', '127.0.0.1.example.org', '',
  ])('is refused when others reach it: %s', (host) => {
    expect(check(host, NO_AUTH)).toThrow(UnsafeBinding)
    expect(check(host, NO_AUTH)).toThrow(`refusing to listen on "${host}", which others can reach, without client authentication`)
    const remedy = /without an operator’s token: configure it \(DATAJOB_\w+, DATAJOB_\w+\), listen on 127\.0\.0\.1, or say --insecure/
    expect(check(host, clients)).toThrow(remedy)
    expect(check(host, all)).not.toThrow()
  })

  it('is the operator’s to open', () => {
    expect(check('0.0.0.0', NO_AUTH, true)).not.toThrow()
  })
})
