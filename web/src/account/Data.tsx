import { useState } from 'react'

import { Problem, useAction } from '../components/Form'
import { graphql } from '../gql'
import { save } from '../save'
import { send } from '../send'

const exportDocument = graphql(`
  mutation ConsoleExportData {
    requestDataExport { createdAt data }
  }
`)

/** Downloads what the server keeps about the user. */
export function Data() {
  const { busy, problem, run } = useAction()
  const [done, setDone] = useState(false)
  return (
    <section className="card" aria-labelledby="data-title">
      <header><h2 id="data-title">My data</h2></header>
      <div className="part">
        <p>A JSON file with everything that this server keeps about you, such as your profile, sessions and events.</p>
        <div className="buttons">
          <button
            type="button"
            disabled={busy}
            onClick={() => void run(async () => {
              setDone(false)
              const { createdAt, data } = (await send(exportDocument)).requestDataExport
              save(`usher-my-data-${createdAt.slice(0, 10)}.json`, new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }))
              setDone(true)
            })}
          >
            Download my data
          </button>
          <p role="status" className="hint">{done && 'Downloaded.'}</p>
        </div>
        <Problem text={problem?.message} />
      </div>
    </section>
  )
}
