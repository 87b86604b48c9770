/** What a job would be split into, for people. */
import type { NcmpPreview } from '../../rest/dialects/ncmp/submit-schemas.ts'
import type { Pane } from '../output/screen.ts'
import { formatCount } from '../output/units.ts'
import { oneLine } from '../output/width.ts'

const SHOWN_MAX = 20

export function renderPreview(preview: NcmpPreview, pane: Pane): string[] {
  const { kind, operations, subjobs, subjobsTotal, refused, refusedOperations } = preview
  const asked = subjobs.slice(0, SHOWN_MAX).map((each) => {
    const producer = each.dataProducerId === '' ? '' : ` ${oneLine(each.dataProducerId)}`
    return `  ${oneLine(each.dmiServiceName)}${producer}: ${formatCount(each.operations)}`
  })
  const refusals = refused.slice(0, SHOWN_MAX).map(({ operationId, path, statusCode, statusMessage }) => {
    return `  ${oneLine(String(operationId))} ${oneLine(path)}: ${statusCode} ${statusMessage}`
  })
  return [
    `${kind} job of ${formatCount(operations)} operations; nothing was submitted`,
    `${pane.paint('dim', 'subjobs')}  ${formatCount(subjobsTotal)}`,
    ...withRest(asked, subjobsTotal),
    ...(refusedOperations === 0 ? [] : [`${pane.paint('yellow', 'refused')}  ${formatCount(refusedOperations)}`]),
    ...withRest(refusals, refusedOperations),
  ]
}

function withRest(lines: readonly string[], total: number): readonly string[] {
  return total > lines.length ? [...lines, `  and ${formatCount(total - lines.length)} more`] : lines
}
