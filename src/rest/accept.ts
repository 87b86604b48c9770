/** What a client says in Accept of the media types that it can be answered in. */

/** From 0 to 1, of the range itself, such as `text/plain` or `text/*`; undefined where it is not named. */
export function qualityOfRange(range: string, accept = ''): number | undefined {
  for (const each of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = each.split(';').map((part) => part.trim())
    if (name !== range) continue
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    return quality === undefined ? 1 : Number(quality.slice(2)) || 0
  }
  return undefined
}

const TEXT = 'text/plain'
const JSON_TYPE = 'application/json'

/** Whether it is to be text rather than JSON: liked more, or as much and named first. */
export function prefersText(accept = ''): boolean {
  const [text, json] = [qualityOf(TEXT, accept), qualityOf(JSON_TYPE, accept)]
  if (text !== json) return text > json
  const [textAt, jsonAt] = [accept.toLowerCase().indexOf(TEXT), accept.toLowerCase().indexOf(JSON_TYPE)]
  return text > 0 && textAt >= 0 && (jsonAt === -1 || textAt < jsonAt)
}

/** Of the range that fits it best. */
function qualityOf(mediaType: string, accept: string): number {
  const family = `${mediaType.split('/', 1)[0] ?? ''}/*`
  return qualityOfRange(mediaType, accept) ?? qualityOfRange(family, accept) ?? qualityOfRange('*/*', accept) ?? 0
}
