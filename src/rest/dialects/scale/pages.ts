/** Pages by their numbers, as this dialect has them. */
import { Refusal } from '../../errors.ts'
import { PAGE_SIZE_MAX } from './job-schemas.ts'

export interface PageQuery {
  readonly page: number
  readonly page_size: number
}

export interface Page {
  /** On all pages together. */
  readonly count: number
  readonly results: readonly object[]
}

export interface PageView extends Page {
  readonly next: string | null
  readonly previous: string | null
}

/** Throws a 404 on a page that no list has. */
export function pageRequestOf({ page, page_size: size }: PageQuery): { readonly offset: number; readonly limit: number } {
  const limit = Math.min(size, PAGE_SIZE_MAX)
  const offset = (page - 1) * limit
  if (page < 1 || !Number.isSafeInteger(offset)) throw noPage()
  return { offset, limit }
}

export function pageOfAll(all: readonly object[], query: PageQuery): Page {
  const { offset, limit } = pageRequestOf(query)
  return { count: all.length, results: all.slice(offset, offset + limit) }
}

/** With its neighbours; `url` is that of the request. Throws a 404 beyond the last one. */
export function pageViewOf({ count, results }: Page, query: PageQuery, url: string): PageView {
  const { offset, limit } = pageRequestOf(query)
  if (query.page > 1 && offset >= count) throw noPage()
  const linkTo = (page: number): string => {
    const link = new URL(url)
    link.searchParams.set('page', String(page))
    return link.href
  }
  const next = offset + limit < count ? linkTo(query.page + 1) : null
  return { count, next, previous: query.page > 1 ? linkTo(query.page - 1) : null, results }
}

function noPage(): Refusal {
  return new Refusal(404, 'Invalid page.')
}
