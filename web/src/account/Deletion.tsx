import { Confirm, Problem, useAction } from '../components/Form'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import { send } from '../send'
import type { PartProps } from './MyAccount'

const deleteDocument = graphql(`
  mutation ConsoleDeleteMe {
    deleteMe { user { id deletionAt } }
  }
`)

const cancelDocument = graphql(`
  mutation ConsoleCancelDeletion {
    cancelDeletion { user { id deletionAt } }
  }
`)

/** Deletes the account after some days, until which it can be kept. */
export function Deletion({ me, changed }: PartProps) {
  const { busy, problem, run } = useAction()
  const act = (action: () => Promise<unknown>) => void run(async () => {
    await action()
    changed()
  })
  return (
    <section className="card" aria-labelledby="deletion-title">
      <header><h2 id="deletion-title">{me.deletionAt ? 'Your account will be deleted' : 'Delete my account'}</h2></header>
      <div className={me.deletionAt ? 'part banner' : 'part'}>
        {me.deletionAt
          ? <p role="status">Your account will be deleted on <Time at={me.deletionAt} />. Until then you can use it, and keep it.</p>
          : <p>The account is deleted some days after you ask for it. Until then you can change your mind.</p>}
        <div className="buttons">
          {me.deletionAt
            ? <button type="button" className="primary" disabled={busy} onClick={() => { act(() => send(cancelDocument)) }}>Keep my account</button>
            : <Confirm label="Delete my account" question="Delete your account?" action={() => { act(() => send(deleteDocument)) }} />}
        </div>
        <Problem text={problem?.message} />
      </div>
    </section>
  )
}
