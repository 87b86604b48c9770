/** Where a job's results go. A job without one keeps its results for the results endpoint only. */
export type Destination =
  | { readonly type: 'topic'; readonly name: string }
  | { readonly type: 'bucket'; readonly name: string }
  | { readonly type: 'none' }

/** What a destination must not be, and what a bare name means: settings of the operator. */
export interface DestinationRules {
  readonly bareNameIs: 'topic' | 'bucket'
  /** Topics that start with this are ours. */
  readonly topicPrefix: string
}

// Kafka's own rule for topic names (org.apache.kafka.common.internals.Topic).
const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/
// Amazon S3, "Bucket naming rules": 3 to 63 of lower-case letters, digits, dots and hyphens, not shaped like an address, and
// without the beginnings and ends that name things other than buckets.
const BUCKET_NAME = /^(?!xn--|sthree-|amzn-s3-demo-)(?!\d{1,3}(?:\.\d{1,3}){3}$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const BUCKET_RESERVED_END = /(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/

export type ParsedDestination =
  | { readonly ok: true; readonly destination: Destination }
  | { readonly ok: false; readonly message: string }

/**
 * Reads `kafka:NAME`, `s3:NAME`, a bare NAME (topic or bucket by the rules) or an empty text (no destination).
 * Refuses names that Kafka or S3 would refuse, and topics of ours, which clients could otherwise write to through a job.
 */
export function parseDestination(text: string | null, rules: DestinationRules): ParsedDestination {
  if (text === null || text === '') return { ok: true, destination: { type: 'none' } }
  const [type, name] = schemeOf(text, rules)
  if (type === 'bucket') {
    if (BUCKET_NAME.test(name) && !BUCKET_RESERVED_END.test(name)) return { ok: true, destination: { type, name } }
    return refused(name, 'is not a bucket name: 3 to 63 of a-z, 0-9, "." and "-", starting and ending with a letter or digit')
  }
  if (!TOPIC_NAME.test(name)) return refused(name, 'is not a topic name: 1 to 249 of a-z, A-Z, 0-9, ".", "_" and "-"')
  if (isInternalTopic(name, rules)) {
    return refused(name, `is not allowed: topics that start with "${rules.topicPrefix}" or "__" are internal`)
  }
  return { ok: true, destination: { type, name } }
}

/** The form that {@link parseDestination} reads back, with its scheme. */
export function formatDestination(destination: Destination): string {
  switch (destination.type) {
    case 'topic':
      return `kafka:${destination.name}`
    case 'bucket':
      return `s3:${destination.name}`
    case 'none':
      return ''
  }
}

/** The bare name, as the headers of a result and the requests to a plugin carry it; empty where there is none. */
export function destinationName(destination: Destination): string {
  return destination.type === 'none' ? '' : destination.name
}

function schemeOf(text: string, rules: DestinationRules): ['topic' | 'bucket', string] {
  if (text.startsWith('kafka:')) return ['topic', text.slice('kafka:'.length)]
  if (text.startsWith('s3:')) return ['bucket', text.slice('s3:'.length)]
  return [rules.bareNameIs, text]
}

function isInternalTopic(name: string, rules: DestinationRules): boolean {
  return name.startsWith(rules.topicPrefix) || name.startsWith('__')
}

const SHOWN_MAX = 80

function refused(name: string, why: string): ParsedDestination {
  const shown = name.length > SHOWN_MAX ? `${name.slice(0, SHOWN_MAX)}…` : name
  return { ok: false, message: `destination "${shown}" ${why}` }
}
