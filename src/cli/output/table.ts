import type { Paint } from './screen.ts'
import { oneLine, padVisible, visibleWidth } from './width.ts'

export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  readonly cell: (row: Row) => string
  /** Colours the padded cell. */
  readonly style?: (row: Row, text: string, paint: Paint) => string
}

const GAP = '  '

/** Lines of a table: a heading, then one line for each row. Cells that came from elsewhere can't leave their line. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], paint: Paint): string[] {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.cell(row))))
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.map((line) => visibleWidth(line[at] ?? ''))),
  )
  const heading = columns.map((column, at) => padCell(column.title, columns, at, widths)).join(GAP)
  const lines = rows.map((row, index) =>
    columns
      .map((column, at) => {
        const text = padCell(cells[index]?.[at] ?? '', columns, at, widths)
        return column.style === undefined ? text : column.style(row, text, paint)
      })
      .join(GAP),
  )
  return [paint('bold', heading.trimEnd()), ...lines.map((line) => line.trimEnd())]
}

// The last column is not filled up, so that no line is longer than it has to be.
function padCell<Row>(text: string, columns: readonly Column<Row>[], at: number, widths: readonly number[]): string {
  const align = columns[at]?.align ?? 'left'
  return at === columns.length - 1 && align === 'left' ? text : padVisible(text, widths[at] ?? 0, align)
}
