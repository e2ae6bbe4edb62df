import { useState } from 'react'

import { Placeholder } from '../components/Placeholder'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import type { ConsoleAccountQuery } from '../gql/graphql'
import { hasPasskeys } from '../page'
import { useQuery } from '../query'
import { usher } from '../session'
import { Data } from './Data'
import { Deletion } from './Deletion'
import { Email } from './Email'
import { Identities } from './Identities'
import { Language } from './Language'
import { Passkeys } from './Passkeys'
import { Password } from './Password'
import { TwoStep } from './TwoStep'

const accountDocument = graphql(`
  query ConsoleAccount {
    me {
      id username email emailVerifiedAt pendingEmail fullName locale deletionAt secondFactorDueAt
      identities { id provider { id name } issuer email createdAt lastUsedAt }
      factors { id method name createdAt lastUsedAt remaining credentialId userHandle }
    }
    providers { id name }
  }
`)

export type Me = NonNullable<ConsoleAccountQuery['me']>

/** A part of the view. `changed` asks the server for the account again. */
export interface PartProps {
  me: Me
  changed: () => void
}

const factor = hasPasskeys ? 'a passkey or an authenticator app' : 'an authenticator app'

/** What users do with their own account. */
export default function MyAccount() {
  const { data, problem, loading, reload } = useQuery(accountDocument)
  const me = data?.me
  const [codes, setCodes] = useState<{ of: 'app' | 'passkey'; list: string[] }>() // the last ones, which make others invalid
  const codesOf = (of: 'app' | 'passkey') => ({
    codes: codes?.of === of ? codes.list : undefined,
    keep: (list: string[] | undefined) => { setCodes(list && { of, list }) },
  })
  const changed = () => {
    reload()
    // The token has no roles as long as a required factor is missing.
    if (usher.state().credentials?.user.secondFactorDueAt) void usher.refresh().catch(() => undefined)
  }
  return (
    <section className="view settings" aria-labelledby="my-account-title">
      <h1 id="my-account-title">My account</h1>
      {(!me || problem) && <Placeholder loading={loading} problem={problem?.message} lines={8} />}
      {me && (
        <>
          {me.secondFactorDueAt && (
            <p className="card part banner" role="status">
              {new Date(me.secondFactorDueAt) > new Date()
                ? <>Set up {factor} by <Time at={me.secondFactorDueAt} />. After that, you can only manage your own account.</>
                : `Set up ${factor} to use the rest of the console.`}
            </p>
          )}
          {me.deletionAt && <Deletion me={me} changed={reload} />}
          <Email me={me} changed={reload} />
          <Password me={me} />
          <Identities me={me} providers={data.providers} changed={reload} />
          <Passkeys me={me} changed={changed} {...codesOf('passkey')} />
          <TwoStep me={me} changed={changed} {...codesOf('app')} />
          <Language me={me} changed={reload} />
          <Data />
          {!me.deletionAt && <Deletion me={me} changed={reload} />}
        </>
      )}
    </section>
  )
}
