import { describe, expect, test } from 'vitest'
import { AddressGuard } from './address-guard.ts'

const strict = new AddressGuard([], 'SETTING')

test.each([
  '127.0.0.1', '127.1.2.3', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1',
  '100.127.255.255', '224.0.0.1', '255.255.255.255', '198.18.0.1', '203.0.113.9', '::', '::1', 'fe80::1', 'fe80::1%eth0',
  'fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1', '2002:a00:1::1', '2001:0:4136:e378::1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe',
  '64:ff9b::10.0.0.1', '64:ff9b:1::1', '::127.0.0.1', 'not an address', '',
])('%s is refused', (address) => {
  expect(strict.allows(address)).toBe(false)
})

test.each([
  '8.8.8.8', '172.32.0.1', '100.128.0.1', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8',
])('%s is allowed', (address) => {
  expect(strict.allows(address)).toBe(true)
})

test('what the operator allows is allowed, however it is written, and nothing beside it', () => {
  const guard = new AddressGuard(['127.0.0.0/8', '::1', '10.1.0.0/16'], 'SETTING')
  expect(['127.0.0.1', '::1', '10.1.2.3', '::ffff:127.0.0.1'].map((address) => guard.allows(address))).toEqual([true, true, true, true])
  expect(['10.2.0.1', '::2', '169.254.169.254'].map((address) => guard.allows(address))).toEqual([false, false, false])
})

describe('of a URL', () => {
  test.each([
    'http://127.0.0.1/', 'http://2130706433/', 'http://0x7f.1/', 'http://017700000001/',
    'https://[::1]:8443/a', 'http://[::ffff:127.0.0.1]/', 'http://169.254.169.254/latest/meta-data/', 'http://127。0。0。1/',
  ])('%s names its address', (url) => {
    expect(strict.refusalOf(url)).toContain('SETTING')
  })

  test('a name is looked up later, and what is no URL is refused', () => {
    expect(strict.refusalOf('http://localhost/')).toBeNull()
    expect(strict.refusalOf('http://8.8.8.8/')).toBeNull()
    expect(strict.refusalOf('http://a b/')).toBe('it is no URL')
  })
})
