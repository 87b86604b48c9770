/** Processes in the words of OGC API – Processes. */
import type { ExecutionMode } from '../../../domain/inventory-messages.ts'
import type { OfferedProcess, ProcessPage } from '../../../inventory/process-index.ts'
import { PAGE } from '../../dialect-page.ts'
import type { Link, ProcessDescription, ProcessList, ProcessListQuery, ProcessSummary } from './schemas.ts'

const RELATIONS = 'http://www.opengis.net/def/rel/ogc/1.0'
export const OPENAPI_TYPE = 'application/vnd.oai.openapi+json;version=3.0'

const PART_1 = ['core', 'json', 'oas30', 'ogc-process-description', 'job-list', 'dismiss', 'callback']
const PART_2 = ['deploy-replace-undeploy', 'ogcapppkg', 'cwl']

/** What is served, of OGC 18-062r2, Annex A, and of OGC 20-044. */
export const CONFORMS_TO = [
  ...PART_1.map((name) => `http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/${name}`),
  ...PART_2.map((name) => `http://www.opengis.net/spec/ogcapi-processes-2/1.0/conf/${name}`),
]

function jsonLink(rel: string, href: string, title: string): Link {
  return { href, rel, type: 'application/json', title }
}

/** `root` is what every href of the workspace begins with, here and below. */
export function landingLinks(root: string): Link[] {
  return [
    jsonLink('self', `${root}/`, 'This document'),
    { href: `${root}/api`, rel: 'service-desc', type: OPENAPI_TYPE, title: 'The description of this API' },
    { href: `${root}/${PAGE}`, rel: 'service-doc', type: 'text/html', title: 'The same for people' },
    jsonLink(`${RELATIONS}/conformance`, `${root}/conformance`, 'What of the standard is served'),
    jsonLink(`${RELATIONS}/processes`, `${root}/processes`, 'The processes of this workspace'),
    jsonLink(`${RELATIONS}/job-list`, `${root}/jobs`, 'The jobs of this workspace'),
  ]
}

const controlOptions = { sync: 'sync-execute', async: 'async-execute' } as const satisfies Record<ExecutionMode, string>

export function summaryOf(process: OfferedProcess, root: string): ProcessSummary {
  const { inputs: _inputs, outputs: _outputs, ...summary } = descriptionOf(process, root)
  return summary
}

/** The description as it was registered, with what we know better. */
export function descriptionOf(process: OfferedProcess, root: string): ProcessDescription {
  const { id, version, modes, mutable, executionUnit } = process
  const described = JSON.parse(process.description) as Partial<ProcessDescription>
  return {
    ...described,
    id,
    version,
    mutable,
    jobControlOptions: [...modes.map((mode) => controlOptions[mode]), 'dismiss'],
    outputTransmission: executionUnit === null ? ['value'] : ['value', 'reference'],
    links: [jsonLink('self', `${root}/processes/${encodeURIComponent(id)}`, 'The description of the process')],
  }
}

export function processListOf(page: ProcessPage, query: ProcessListQuery, root: string): ProcessList {
  const { items, hasNext, hasPrevious } = page
  const hrefWith = (place: Partial<ProcessListQuery>): string => {
    const parameters = Object.entries({ limit: query.limit, ...place }).map(([name, value]): [string, string] => [name, String(value)])
    return `${root}/processes?${new URLSearchParams(parameters).toString()}`
  }
  const { limit: _limit, ...place } = query
  const links = [jsonLink('self', hrefWith(place), 'This page')]
  const [first, last] = [items.at(0), items.at(-1)]
  if (hasNext && last !== undefined) links.push(jsonLink('next', hrefWith({ after: last.id }), 'The next page'))
  if (hasPrevious && first !== undefined) links.push(jsonLink('prev', hrefWith({ before: first.id }), 'The previous page'))
  return { processes: items.map((process) => summaryOf(process, root)), links }
}
