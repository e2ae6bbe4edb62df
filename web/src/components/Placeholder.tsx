import type { ReactNode } from 'react'

import { unreachable } from '../failure'
import { useDown } from '../reach'
import { Problem } from './Form'

/**
 * Stands in the place of data that is not there: grey lines while it loads, then the problem, or a sentence when
 * there is nothing. `lines` is about the height of the data, so that nothing jumps when it arrives.
 */
export function Placeholder({ loading, problem, empty, lines = 3 }: {
  loading: boolean
  problem?: string | undefined
  empty?: ReactNode
  lines?: number
}) {
  if (problem) return <Problem text={problem} />
  if (!loading) return <p className="hint">{empty}</p>
  return (
    <div className="placeholder">
      <p role="status" className="unseen">Loading …</p>
      {Array.from({ length: lines }, (_, n) => <span key={n} />)}
    </div>
  )
}

/** Stands in the place of a view that loads. */
export function LoadingView() {
  const down = useDown()
  return <div className="view"><Placeholder loading problem={down ? unreachable : undefined} lines={6} /></div>
}
