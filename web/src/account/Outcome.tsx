import { Problem } from '../components/Form'
import type { Failure } from '../failure'

/** What the last action of a part has done, or why it failed. */
export function Outcome({ problem, done }: { problem: Failure | undefined; done: string | undefined }) {
  if (done === undefined && !problem) return null
  return (
    <div className="part">
      <Problem text={problem?.message} />
      <p role="status" className="hint">{done}</p>
    </div>
  )
}
