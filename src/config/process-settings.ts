/** Processes that clients execute: whose they are, and what runs them. Part of settings.ts. */
import { isAddressRange } from './address-range.ts'
import { list, text } from './setting.ts'

const isWorkspace = (item: string): item is string => /^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,63}$/.test(item)

export const processSettings = {
  workspaces: list('DATAJOB_WORKSPACES', {
    fallback: [],
    limits: 'names of up to 64 of A-Z, a-z, 0-9, ".", "_" and "-", separated by commas',
    accepts: isWorkspace,
    description: 'Workspaces that clients of OGC API – Processes may use; empty takes any, each from its first use on.',
  }),
  execService: text('DATAJOB_EXEC_SERVICE', {
    fallback: 'exec',
    pattern: /^[^\0-\x1f\x7f-\x9f#]{1,256}$/,
    limits: '1 to 256 characters without "#"',
    description: 'The DMI service that runs commands and CWL documents of deployed processes: a `datajob producer exec`.',
  }),
  packageAllowedAddresses: list('DATAJOB_PACKAGE_ALLOWED_ADDRESSES', {
    ...{ fallback: [], limits: 'IP addresses, or ranges of them in CIDR notation, separated by commas', unit: 'addresses' },
    accepts: isAddressRange,
    description: 'Where documents that are deployed by their address (`executionUnit.href`) may be fetched from beside the internet.',
  }),
} as const
