/** Conditions on facets, as messages have them. */
import type { JobCondition } from '../domain/bulk.ts'
import { type FacetCondition, isFacetName } from './job-facets.ts'

export function jobConditionOf(condition: FacetCondition): JobCondition {
  const { facet } = condition
  if ('anyOf' in condition) {
    const texts = condition.anyOf.filter((value) => typeof value === 'string')
    const numbers = condition.anyOf.filter((value) => typeof value === 'number')
    return { facet, texts, numbers, atLeast: null, atMost: null }
  }
  return { facet, texts: null, numbers: null, atLeast: condition.atLeast ?? null, atMost: condition.atMost ?? null }
}

/** Null for a facet that is not known here. */
export function facetConditionOf({ facet, texts, numbers, atLeast, atMost }: JobCondition): FacetCondition | null {
  if (!isFacetName(facet)) return null
  if (texts !== null || numbers !== null) return { facet, anyOf: [...(texts ?? []), ...(numbers ?? [])] }
  return { facet, atLeast: atLeast ?? undefined, atMost: atMost ?? undefined }
}
