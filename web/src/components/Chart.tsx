import { type ReactNode, useId } from 'react'

import { Placeholder } from './Placeholder'

/** The place of a chart, with its title. Its height is that of the chart, so that nothing jumps when data arrives. */
export function Chart({ title, loading, problem, children }: {
  title: string
  loading: boolean
  problem: string | undefined
  /** The drawing. Null if there is nothing to draw. */
  children: ReactNode
}) {
  const id = useId()
  return (
    <figure className="card chart" aria-labelledby={id} aria-busy={loading}>
      <figcaption id={id}>{title}</figcaption>
      {children ?? <Placeholder loading={loading} problem={problem} empty="No data yet." lines={4} />}
    </figure>
  )
}
