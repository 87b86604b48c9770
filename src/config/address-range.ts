import { isIPv4, isIPv6 } from 'node:net'

/** Whether it is an IP address, or a range of them in CIDR notation. */
export function isAddressRange(item: string): item is string {
  const [address = '', bits = '0', ...more] = item.split('/')
  if (more.length > 0 || !/^\d{1,3}$/.test(bits)) return false
  return isIPv4(address) ? Number(bits) <= 32 : isIPv6(address) && Number(bits) <= 128
}
