import { useState } from 'react'

import { Confirm, useAction } from '../components/Form'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import { ProviderButtons } from '../providers/Buttons'
import type { Provider } from '../providers/begin'
import { send } from '../send'
import type { Me, PartProps } from './MyAccount'
import { Outcome } from './Outcome'

const unlinkDocument = graphql(`
  mutation ConsoleUnlinkIdentity($input: UnlinkIdentityInput!) {
    unlinkIdentity(input: $input) { user { id } }
  }
`)

type Identity = NonNullable<Me['identities']>[number]

/** The accounts at providers with which the user can sign in: linking and unlinking them. */
export function Identities({ me, providers, changed }: PartProps & { providers: readonly Provider[] }) {
  const { busy, problem, run } = useAction()
  const [done, setDone] = useState<string>()
  const identities = me.identities ?? []
  const unlink = ({ id }: Identity) => void (busy || run(async () => {
    setDone(undefined)
    await send(unlinkDocument, { input: { id } })
    setDone('Account unlinked, and your other sessions ended.')
    changed()
  }))
  if (identities.length === 0 && providers.length === 0) return null
  return (
    <section className="card" aria-labelledby="identities-title">
      <header><h2 id="identities-title">Linked accounts</h2></header>
      {identities.length > 0 && (
        <ul className="commands">
          {identities.map((identity) => (
            <li key={identity.id}>
              <span><b>{identity.provider?.name ?? identity.issuer}</b> <span className="hint"><About identity={identity} /></span></span>
              <Confirm label="Unlink" question="Unlink this account?" action={() => { unlink(identity) }} />
            </li>
          ))}
        </ul>
      )}
      {providers.length > 0 && (
        <div className="part">
          <p>You can sign in with an account that you have elsewhere, without a password of this account.</p>
          <div className="buttons">
            <ProviderButtons list={providers} label="Link an account at" linkTo={me.id} />
          </div>
        </div>
      )}
      <Outcome problem={problem} done={done} />
    </section>
  )
}

/** Says whose account it is, and when it was linked and used. */
function About({ identity: { provider, email, createdAt, lastUsedAt } }: { identity: Identity }) {
  return (
    <>
      {email && `${email}, `}linked <Time at={createdAt} />{lastUsedAt && <>, last used <Time at={lastUsedAt} /></>}
      {!provider && '. This provider is no longer offered, so you cannot sign in with it.'}
    </>
  )
}
