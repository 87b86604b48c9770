import { describe, expect, it } from 'vitest'
import type { Paint } from './screen.ts'
import { renderTable } from './table.ts'

const plain: Paint = (_, text) => text

describe('renderTable', () => {
  it('aligns its columns and leaves no blanks at the ends of lines', () => {
    const columns = [
      { title: 'job', cell: ({ name }: { name: string }) => name },
      { title: 'operations', align: 'right' as const, cell: ({ count }: { count: number }) => String(count) },
      { title: 'note', cell: ({ note }: { note: string }) => note },
    ]
    const rows = [
      { name: 'a-long-name', count: 5, note: '' },
      { name: 'b', count: 1000, note: 'done' },
    ]
    expect(renderTable(columns, rows, plain)).toEqual([
      'job          operations  note',
      'a-long-name           5',
      'b                  1000  done',
    ])
  })

  it('keeps a cell with line feeds on one line', () => {
    const columns = [{ title: 'message', cell: (text: string) => text }]
    expect(renderTable(columns, ['a\nb'], plain)).toEqual(['message', 'a�b'])
  })

  it('is a heading alone where there are no rows', () => {
    expect(renderTable([{ title: 'x', cell: () => '' }], [], plain)).toEqual(['x'])
  })
})
