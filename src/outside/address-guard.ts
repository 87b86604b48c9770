/**
 * Which addresses that clients name may be called: those that are reached over the internet, and what the operator allows beside them.
 * What is near the service answers nobody else.
 */
import { BlockList, isIP, isIPv4 } from 'node:net'

type Family = 'ipv4' | 'ipv6'

/** IANA's special-purpose registry for IPv4 (RFC 6890 and its updates), and multicast: all that is not global. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
]

/** Of IPv6 only 2000::/3 is global, but for these: among them tunnels, which lead to any address of IPv4. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']
const GLOBAL_IPV6 = ['2000::/3']
/** The last four bytes are an address of IPv4: mapped, and NAT64 (RFC 6052). */
const EMBEDDING_IPV6 = ['::ffff:0:0/96', '64:ff9b::/96']

export class AddressGuard {
  readonly #allowed: BlockList
  readonly #special = listOf([...SPECIAL_IPV4, ...SPECIAL_IPV6])
  readonly #global = listOf(GLOBAL_IPV6)
  readonly #embedding = EMBEDDING_IPV6.map((range) => listOf([range]))

  readonly #setting: string

  /** `allowed` in CIDR notation, beside what is global: what the setting of that name says. */
  constructor(allowed: readonly string[], setting: string) {
    this.#allowed = listOf(allowed)
    this.#setting = setting
  }

  /** Whether a connection to the IP address may be opened; of a text that is none, not. */
  allows(address: string): boolean {
    const [ip = ''] = address.split('%')
    if (isIP(ip) === 0) return false
    if (isIPv4(ip)) return this.#allowed.check(ip, 'ipv4') || !this.#special.check(ip, 'ipv4')
    if (this.#allowed.check(ip, 'ipv6')) return true
    if (this.#embedding.some((range) => range.check(ip, 'ipv6'))) return this.allows(lastFourBytesOf(ip))
    return this.#global.check(ip, 'ipv6') && !this.#special.check(ip, 'ipv6')
  }

  /** Why nothing may be sent to a URL, as far as that shows without resolving its host; null where it may. */
  refusalOf(url: string): string | null {
    if (!URL.canParse(url)) return 'it is no URL'
    const { hostname } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    return isIP(host) === 0 || this.allows(host) ? null : this.refusal(host)
  }

  /** What is said of a host that may not be called. */
  refusal(host: string): string {
    return `${host} is not on the internet, and not allowed beside it (${this.#setting})`
  }
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = familyOf(address)
    list.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family)
  }
  return list
}

function familyOf(address: string): Family {
  return isIPv4(address) ? 'ipv4' : 'ipv6'
}

function lastFourBytesOf(ip: string): string {
  // A URL's host is canonical: hexadecimal, without a dotted end.
  const canonical = new URL(`http://[${ip}]/`).hostname.slice(1, -1)
  const [high = '0', low = '0'] = canonical.split(':').slice(-2).map((group) => (group === '' ? '0' : group))
  const bytes = [high, low].flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff])
  return bytes.join('.')
}
