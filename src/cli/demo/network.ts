/** The network of the demo: 1,000 elements behind three DMI services, each with ten data producers. */

export const DMI_SERVICES = ['dmi-north', 'dmi-east', 'dmi-south'] as const
export type DmiServiceName = (typeof DMI_SERVICES)[number]

/** The service whose producers refuse some operations, and which. */
export const FAULTY_SERVICE: DmiServiceName = 'dmi-south'
export const FAULTY_CELL = 13
export const FAULTY_PATHS = `NRCellDU=${FAULTY_CELL}$`

export const HANDLES = 1_000
const PRODUCERS_PER_SERVICE = 10

export interface Handle {
  readonly cmHandle: string
  readonly alternateId: string
  readonly moduleSetTag: string
  readonly dataProducerIdentifier: string
}

export function serviceOf(element: number): DmiServiceName {
  const service = DMI_SERVICES[element % DMI_SERVICES.length]
  if (service === undefined) throw new Error('broken invariant: a remainder is an index')
  return service
}

export function handleOf(element: number): Handle {
  const producer = Math.floor(element / DMI_SERVICES.length) % PRODUCERS_PER_SERVICE
  return {
    cmHandle: `demo-${elementName(element)}`,
    alternateId: elementPath(element),
    moduleSetTag: 'demo-v1',
    dataProducerIdentifier: `ems-${producer}`,
  }
}

/** A cell of the element: below it, so that the longest registered prefix is the element's. */
export function cellPath(element: number, cell: number): string {
  return `${elementPath(element)}/GNBDUFunction=1/NRCellDU=${cell}`
}

export function elementPath(element: number): string {
  return `/SubNetwork=Demo/ManagedElement=${elementName(element)}`
}

function elementName(element: number): string {
  return `NE${String(element + 1).padStart(4, '0')}`
}
