import { useState } from 'react'

import { nameOf } from '../Account'
import { Problem, useAction } from '../components/Form'
import { Pager } from '../components/Pager'
import { type Column, Table } from '../components/Table'
import { Time } from '../components/Time'
import { device } from '../device'
import { graphql } from '../gql'
import type { ConsoleUserSessionsQuery } from '../gql/graphql'
import { wordsOfMethods } from '../methods'
import { usePages, useQuery } from '../query'
import { send } from '../send'

const sessionsDocument = graphql(`
  query ConsoleUserSessions($id: ID!, $first: Int!, $after: String) {
    user(id: $id) {
      sessions(first: $first, after: $after) {
        edges { node { id current createdAt lastUsedAt ipAddress userAgent methods assurance } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`)

const revokeDocument = graphql(`
  mutation ConsoleRevokeUserSessions($input: RevokeUserSessionsInput!) {
    revokeUserSessions(input: $input) { revokedCount }
  }
`)

type Session = NonNullable<NonNullable<ConsoleUserSessionsQuery['user']>['sessions']>['edges'][number]['node']

/** The active sessions of a user. An administrator can end them. */
export function UserSessions({ user }: { user: { id: string; username?: string | null; email?: string | null } }) {
  const pages = usePages(user.id)
  const { data, problem, loading, reload } = useQuery(sessionsDocument, { id: user.id, first: 10, after: pages.after })
  const { busy, problem: refused, run } = useAction()
  const [done, setDone] = useState<string>()
  const list = data?.user?.sessions
  const end = (sessionId: string | null) => void run(async () => {
    setDone(undefined)
    const { revokeUserSessions } = await send(revokeDocument, { input: { userId: user.id, sessionId } })
    setDone(`Sessions ended: ${String(revokeUserSessions.revokedCount)}.`)
    reload()
  })
  const columns: Column<Session>[] = [
    {
      title: 'Device',
      names: true,
      cell: (session) => (
        <span title={session.userAgent ?? undefined}>
          {device(session.userAgent)}{session.current && <span className="tag">this session</span>}
        </span>
      ),
    },
    {
      title: 'Signed in with',
      cell: (session) => (
        <>{wordsOfMethods(session.methods)}{session.assurance === 'AAL2' && <span className="tag">two factors</span>}</>
      ),
    },
    { title: 'IP address', cell: (session) => session.ipAddress ?? '–' },
    { title: 'Signed in', cell: (session) => <Time at={session.createdAt} /> },
    { title: 'Last refreshed', cell: (session) => <Time at={session.lastUsedAt} /> },
    {
      title: 'Action',
      cell: (session) => (
        <button
          type="button"
          disabled={busy}
          aria-label={`End the session of ${device(session.userAgent)}`}
          onClick={() => { end(session.id) }}
        >
          End
        </button>
      ),
    },
  ]
  return (
    <section aria-label="Sessions">
      <h3>Sessions</h3>
      <Table
        label={`Sessions of ${nameOf(user)}`}
        columns={columns}
        rows={list?.edges.map((edge) => edge.node)}
        loading={loading}
        problem={problem?.message}
        empty={pages.number > 1 ? 'The user has no more sessions.' : 'The user has no active sessions.'}
        lines={1}
      />
      {(pages.number > 1 || list?.pageInfo.hasNextPage) && <Pager pages={pages} end={list?.pageInfo} />}
      <div className="buttons">
        <button type="button" disabled={busy || !list?.edges.length} onClick={() => { end(null) }}>End all sessions</button>
        <p role="status" className="hint">{done}</p>
      </div>
      <Problem text={refused?.message} />
    </section>
  )
}
