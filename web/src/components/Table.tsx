import { Fragment, type ReactNode, useId, useState } from 'react'

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
 * `details` is what a button unfolds below a row.
 */
export function Table<T extends { id: string }>({ label, columns, rows, loading, problem, empty, lines = 5, order, onOrder, details }: {
  label: string
  columns: Column<T>[]
  rows: T[] | undefined
  loading: boolean
  problem: string | undefined
  empty: ReactNode
  lines?: number
  order?: string
  onOrder?: (order: string) => void
  details?: (row: T) => ReactNode
}) {
  const id = useId()
  const [unfolded, setUnfolded] = useState<readonly string[]>([])
  const fold = (row: string) => { setUnfolded(unfolded.includes(row) ? unfolded.filter((r) => r !== row) : [...unfolded, row]) }
  const direction = (sort: string | undefined) =>
    sort === undefined ? undefined : order === sort ? 'ascending' : order === `-${sort}` ? 'descending' : undefined
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label} aria-busy={loading}>
      <table>
        <thead>
          <tr>
            {details && <td />}
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
            <Fragment key={row.id}>
              <tr>
                {details && (
                  <td className="fold">
                    <button
                      type="button"
                      className="plain"
                      aria-label="Details"
                      aria-expanded={unfolded.includes(row.id)}
                      aria-controls={`${id}-${row.id}`}
                      onClick={() => { fold(row.id) }}
                    />
                  </td>
                )}
                {columns.map(({ title, cell, names }) => names
                  ? <th key={title} scope="row">{cell(row)}</th>
                  : <td key={title}>{cell(row)}</td>)}
              </tr>
              {details && unfolded.includes(row.id) && (
                <tr className="details" id={`${id}-${row.id}`}>
                  <td colSpan={columns.length + 1}>{details(row)}</td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
      {(problem !== undefined || !rows?.length) && (
        <Placeholder loading={loading && !rows} problem={problem} empty={empty} lines={lines} />
      )}
    </div>
  )
}
