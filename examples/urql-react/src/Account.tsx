import { useState } from 'react'
import { useMutation, useQuery } from 'urql'
import { explain } from 'usher-client'
import { graphql } from './generated'
import type { SessionsQuery } from './generated/graphql'
import { Passkeys } from './Passkey'
import { usher } from './usher'
import { VerifyBanner } from './Verify'

const Me = graphql(`
  query Me {
    me {
      id
      username
      email
      emailVerifiedAt
      roles
      createdAt
    }
  }
`)

const Sessions = graphql(`
  query Sessions {
    me {
      id
      sessions(first: 50) {
        edges {
          node {
            id
            createdAt
            userAgent
            ipAddress
            current
          }
        }
      }
    }
  }
`)

const RevokeSession = graphql(`
  mutation RevokeSession($input: RevokeSessionInput!) {
    revokeSession(input: $input) {
      sessionId
    }
  }
`)

export function Account() {
  return (
    <>
      <Profile />
      <Passkeys />
      <SessionList />
    </>
  )
}

function Profile() {
  const [{ data, error }] = useQuery({ query: Me, requestPolicy: 'cache-and-network' })
  const [problem, setProblem] = useState<string>()
  const logOut = () => {
    usher.signOut().catch((thrown: unknown) => { setProblem(thrown instanceof Error ? thrown.message : String(thrown)) })
  }
  return (
    <section aria-label="Profile">
      {error && <p role="alert">{explain(error.graphQLErrors)}</p>}
      {problem && <p role="alert">{problem}</p>}
      {data?.me && (
        <>
          {data.me.email && !data.me.emailVerifiedAt && <VerifyBanner email={data.me.email} />}
          {usher.state().credentials?.passwordCompromised && <p role="alert">Your password was published in a breach. Sign out and choose a new one with “Forgot password”.</p>}
          <h1>Hello {data.me.username ?? data.me.email}</h1>
          <dl>
            <dt>E-mail address</dt>
            <dd>{data.me.email ?? 'none'}</dd>
            <dt>Roles</dt>
            <dd>{data.me.roles?.join(', ')}</dd>
            <dt>Since</dt>
            <dd>{new Date(data.me.createdAt).toLocaleDateString()}</dd>
          </dl>
        </>
      )}
      <button onClick={logOut}>Sign out</button>
    </section>
  )
}

function SessionList() {
  const [{ data, error }] = useQuery({ query: Sessions, requestPolicy: 'cache-and-network' })
  return (
    <section aria-label="Sessions">
      <h2>Where you are signed in</h2>
      {error && <p role="alert">{explain(error.graphQLErrors)}</p>}
      <ul>
        {data?.me?.sessions?.edges.map(({ node }) => <SessionItem key={node.id} node={node} />)}
      </ul>
    </section>
  )
}

type Connection = NonNullable<NonNullable<SessionsQuery['me']>['sessions']>

function SessionItem({ node }: { node: Connection['edges'][number]['node'] }) {
  const [{ data, error, fetching }, revoke] = useMutation(RevokeSession)
  // The answer has no session in it by which the cache would know what to ask for again.
  const onRevoke = () => void revoke({ input: { sessionId: node.id } }, { additionalTypenames: ['Session'] })
  // Lists that were asked for in parallel may come in any order, an older one last.
  if (data?.revokeSession) return null
  return (
    <li>
      <span>
        {node.userAgent} at {node.ipAddress}, since {new Date(node.createdAt).toLocaleString()}
      </span>
      {node.current ? <em>this session</em> : <button disabled={fetching} onClick={onRevoke}>Revoke</button>}
      {error && <p role="alert">{explain(error.graphQLErrors)}</p>}
    </li>
  )
}
