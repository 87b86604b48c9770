import { type Destination, parseDestination } from '../../domain/destination.ts'

/** Which topics plugins may name: settings of the operator. */
export interface NamedTopicRules {
  /** Names, and prefixes that end in `*`. */
  readonly allowed: readonly string[]
  /** Topics that start with this are ours. */
  readonly topicPrefix: string
}

export type NamedTopic = { readonly ok: true; readonly topic: string } | { readonly ok: false; readonly message: string }

const SHOWN_MAX = 80

/**
 * Reads the `resulturi` of a plugin's answer: `kafka:NAME` or a bare NAME (contract page, "Us → DMI"). Refuses what is no
 * topic's name, topics of ours, what the operator does not allow, and the job's own destination, which would be read and
 * written in a circle.
 */
export function namedTopicOf(resulturi: string, destination: Destination, { allowed, topicPrefix }: NamedTopicRules): NamedTopic {
  const name = resulturi.startsWith('kafka:') ? resulturi.slice('kafka:'.length) : resulturi
  const refused = (why: string): NamedTopic => {
    const shown = resulturi.length > SHOWN_MAX ? `${resulturi.slice(0, SHOWN_MAX)}…` : resulturi
    return { ok: false, message: `the resulturi "${shown}" ${why}` }
  }
  const parsed = parseDestination(`kafka:${name}`, { bareNameIs: 'topic', topicPrefix })
  if (!parsed.ok) {
    const rule = `1 to 249 of a-z, A-Z, 0-9, ".", "_" and "-", and neither "${topicPrefix}" nor "__" first`
    return refused(`is no topic's name, or is one of ours: ${rule}`)
  }
  if (destination.type === 'topic' && destination.name === name) return refused("is the job's own destination")
  if (!allowed.some((pattern) => isMatch(pattern, name))) return refused('is not allowed: DATAJOB_RESULT_TOPICS names what is')
  return { ok: true, topic: name }
}

function isMatch(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
