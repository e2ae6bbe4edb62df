import type { ReactNode } from 'react'

import { Placeholder } from './Placeholder'

export interface Column<T> {
  title: string
  cell: (row: T) => ReactNode
  /** What the table is ordered by when the title is pressed. */
  sort?: string
  /** Whether the cells name their rows. */
  names?: boolean
}

/**
 * A table of a list that is queried. While it loads for the first time, grey lines stand in the place of `lines`
 * rows. While it loads again, the former rows stay. `order` is a column's `sort`, with `-` before it for descending.
 */
export function Table<T extends { id: string }>({ label, columns, rows, loading, problem, empty, lines = 5, order, onOrder }: {
  label: string
  columns: Column<T>[]
  rows: T[] | undefined
  loading: boolean
  problem: string | undefined
  empty: string
  lines?: number
  order?: string
  onOrder?: (order: string) => void
}) {
  const direction = (sort: string | undefined) =>
    sort === undefined ? undefined : order === sort ? 'ascending' : order === `-${sort}` ? 'descending' : undefined
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label} aria-busy={loading}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, sort }) => (
              <th key={title} scope="col" aria-sort={direction(sort)}>
                {sort && onOrder
                  ? <button type="button" className="plain" onClick={() => { onOrder(order === sort ? `-${sort}` : sort) }}>{title}</button>
                  : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows?.map((row) => (
            <tr key={row.id}>
              {columns.map(({ title, cell, names }) => names
                ? <th key={title} scope="row">{cell(row)}</th>
                : <td key={title}>{cell(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {(problem !== undefined || !rows?.length) && (
        <Placeholder loading={loading && !rows} problem={problem} empty={empty} lines={lines} />
      )}
    </div>
  )
}
