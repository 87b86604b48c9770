/** The outputs of an execution as an HTTP answer (OGC 18-062r2, 7.11.4 and 7.13; the seed's own shape, contract page "Seed"). */
import type { DeclaredInput } from '../../processes/process-inputs.ts'
import { randomUUID } from 'node:crypto'
import type { ResponseForm, WantedOutputs } from './execute-schemas.ts'
import { linkOf, type Outputs, type OutputValue } from './outputs.ts'

export interface ResultsAnswer {
  readonly status: 200 | 204
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | null
}

/** What is known of an output beside its value. */
export interface OutputTerms {
  readonly declared: Readonly<Record<string, Pick<DeclaredInput, 'schema'> | undefined>>
  readonly wanted: WantedOutputs | undefined
}

const RESULTS_RELATION = 'http://www.opengis.net/def/rel/ogc/1.0/results'

export function resultsAnswer(outputs: Outputs, form: ResponseForm | 'seed', terms: OutputTerms, endedAt: string): ResultsAnswer {
  if (form === 'seed') return json(seedDocument(outputs, endedAt))
  if (form === 'document') return json(documentOf(outputs))
  const [first, ...others] = outputs
  if (first === undefined) return { status: 204, headers: {}, body: null }
  const areLinks = [...outputs.values()].every(({ type }) => type === 'reference')
  if (areLinks) return { status: 204, headers: { link: linksOf(outputs) }, body: null }
  if (others.length > 0) return multipart(outputs, terms)
  const { mediaType, bytes } = rawValue(first, terms)
  return { status: 200, headers: { 'content-type': mediaType }, body: bytes }
}

/** The results document (results.yaml): each output inline or a link. An object that is no bounding box is qualified. */
export function documentOf(outputs: Outputs): object {
  return Object.fromEntries([...outputs].map(([name, output]) => [name, inDocument(output)]))
}

function inDocument(output: OutputValue): unknown {
  if (output.type === 'reference') return linkOf(output)
  const { value } = output
  const isQualified = typeof value === 'object' && !Array.isArray(value) && !(value !== null && 'bbox' in value)
  return isQualified ? { value } : value
}

function seedDocument(outputs: Outputs, time: string): object {
  return {
    outputs: [...outputs].map(([id, output]) => {
      return { id, time, value: { inlineValue: JSON.stringify(output.type === 'inline' ? output.value : linkOf(output)) } }
    }),
  }
}

function json(value: object): ResultsAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(value)) }
}

function linksOf(outputs: Outputs): string {
  return [...outputs].map(([name, output]) => {
    if (output.type === 'inline') return ''
    const type = output.mediaType === null ? '' : `; type="${quotable(output.mediaType)}"`
    return `<${uriInHeader(output.href)}>; rel="${RESULTS_RELATION}"; title="${quotable(name)}"${type}`
  }).join(', ')
}

// A header's value is printable ASCII, and may not end what it stands in.
function uriInHeader(href: string): string {
  return href.toWellFormed().replace(/[^\x21-\x7e]|[<>"]/gu, encodeURIComponent)
}

function quotable(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x7e]|["\\<>]/gu, encodeURIComponent)
}

function rawValue([name, output]: readonly [string, OutputValue], { declared, wanted }: OutputTerms): { mediaType: string; bytes: Buffer } {
  const value = output.type === 'inline' ? output.value : linkOf(output)
  const { contentMediaType, contentEncoding } = (declared[name]?.schema ?? {}) as Readonly<Record<string, unknown>>
  const asked = wanted?.[name]?.format?.mediaType
  if (typeof value !== 'string' || asked === 'application/json') {
    return { mediaType: 'application/json', bytes: Buffer.from(JSON.stringify(value)) }
  }
  if (contentEncoding === 'base64' && typeof contentMediaType === 'string') {
    return { mediaType: contentMediaType, bytes: Buffer.from(value, 'base64') }
  }
  const mediaType = asked ?? (typeof contentMediaType === 'string' ? contentMediaType : 'text/plain; charset=utf-8')
  return { mediaType, bytes: Buffer.from(value) }
}

// RFC 2387 and RFC 2046, 5.1. The boundary is random, so that no output holds it.
function multipart(outputs: Outputs, terms: OutputTerms): ResultsAnswer {
  const boundary = randomUUID()
  const pieces: Buffer[] = []
  for (const [name, output] of outputs) {
    const head = [`--${boundary}`, `Content-ID: <${quotable(name)}>`]
    if (output.type === 'reference') {
      pieces.push(Buffer.from([...head, `Content-Location: ${uriInHeader(output.href)}`, '', '', ''].join('\r\n')))
      continue
    }
    const { mediaType, bytes } = rawValue([name, output], terms)
    pieces.push(Buffer.from([...head, `Content-Type: ${mediaType}`, '', ''].join('\r\n')), bytes, Buffer.from('\r\n'))
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`))
  return { status: 200, headers: { 'content-type': `multipart/related; boundary="${boundary}"` }, body: Buffer.concat(pieces) }
}
