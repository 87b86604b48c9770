/** What a CWL runner says it made, with places that others can reach instead of paths of this machine. */
import { fileURLToPath } from 'node:url'
import { join, relative, sep } from 'node:path'

/**
 * The runner's output object with its files' and folders' locations replaced.
 * @param locationOf of a path relative to the output folder
 */
export function withLocations(value: unknown, folder: string, locationOf: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => withLocations(each, folder, locationOf))
  if (typeof value !== 'object' || value === null) return value
  const members = value as Readonly<Record<string, unknown>>
  const { class: kind, location, path, ...others } = members
  const isPlace = (kind === 'File' || kind === 'Directory') && typeof location === 'string'
  const rest = Object.fromEntries(
    Object.entries(isPlace ? others : members).map(([name, each]) => [name, withLocations(each, folder, locationOf)]),
  )
  if (!isPlace) return rest
  const name = nameIn(folder, location)
  return { class: kind, location: name === null ? location : locationOf(name), ...rest }
}

/**
 * The folder that is all that the runner has made: what is in it goes to where the outputs go, as an ADES has it. Null where there is more,
 * or none.
 */
export function soleFolder(value: unknown, folder: string): string | null {
  const outputs: readonly unknown[] = typeof value === 'object' && value !== null ? Object.values(value) : []
  const [sole, ...others] = outputs
  if (typeof sole !== 'object' || sole === null || others.length > 0) return null
  const { class: kind, location } = sole as Readonly<Record<string, unknown>>
  const name = kind === 'Directory' && typeof location === 'string' ? nameIn(folder, location) : null
  return name === null || name === '' ? null : join(folder, name)
}

/** Null for what is not below the folder, such as an input that is passed through from the network. */
function nameIn(folder: string, location: string): string | null {
  if (!location.startsWith('file:')) return null
  const name = relative(folder, fileURLToPath(location))
  return name === '..' || name.startsWith(`..${sep}`) ? null : name.split(sep).join('/')
}
