import { useState } from 'react'

import { Problem, useAction } from './form'
import { graphql } from './gql'
import type { AuditEventKind } from './gql/graphql'
import { Pager } from './Pager'
import { usePages, useQuery } from './query'
import { send } from './send'
import { Time } from './time'

const eventsDocument = graphql(`
  query ConsoleAuditEvents($first: Int!, $after: String, $filter: AuditEventFilter) {
    auditEvents(first: $first, after: $after, filter: $filter) {
      edges {
        node {
          id at kind operator actorId userId ipAddress userAgent requestId roles
          actor { id username }
          user { id username }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

const findDocument = graphql(`
  query ConsoleFindUser($search: String!) {
    users(first: 1, filter: { search: $search }) { edges { node { id } } }
  }
`)

// The type requires every kind.
const kinds = Object.keys({
  SIGNUP: 0, LOGIN: 0, LOGIN_FAILED: 0, REAUTHENTICATED: 0, REFRESH_REPLAYED: 0, REFRESH_REUSE: 0, LOGOUT: 0,
  SESSION_REVOKED: 0, TOKEN_REVOKED: 0, USER_CREATED: 0, USER_UPDATED: 0, USER_ROLES_CHANGED: 0,
  USER_DISABLED: 0, USER_ENABLED: 0, USER_UNLOCKED: 0, USER_SESSIONS_REVOKED: 0, USER_DELETED: 0,
  CLIENT_CREATED: 0, CLIENT_DELETED: 0,
} satisfies Record<AuditEventKind, 0>) as AuditEventKind[]

/** The audit log, for administrators. The URL can name a user. */
export default function Audit({ user }: { user: string | null }) {
  return <Log key={user} user={user} />
}

function Log({ user }: { user: string | null }) {
  const [kind, setKind] = useState<AuditEventKind | ''>('')
  const pages = usePages()
  const { data, problem, reload } = useQuery(eventsDocument, {
    first: 25,
    after: pages.after,
    filter: { kind: kind || null, userId: user },
  })
  const events = data?.auditEvents?.edges.map((edge) => edge.node) ?? []
  return (
    <section className="view" aria-labelledby="audit-title">
      <h1 id="audit-title">Audit log</h1>
      <div className="tools">
        <select aria-label="Kind" value={kind} onChange={(event) => { pages.first(); setKind(event.target.value as AuditEventKind | '') }}>
          <option value="">All events</option>
          {kinds.map((k) => <option key={k} value={k}>{k}</option>)}
        </select>
        <FindUser user={user} />
        <button type="button" onClick={reload}>Reload</button>
      </div>
      <Problem text={problem?.message} />
      <div className="scroll" tabIndex={0} role="region" aria-label="Table of events">
        <table>
          <thead>
            <tr>
              {['Time', 'Event', 'By', 'User', 'IP address', 'Request ID'].map((title) => <th key={title} scope="col">{title}</th>)}
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <tr key={event.id}>
                <td><Time at={event.at} /></td>
                <td><code>{event.kind}</code>{event.roles && <span className="hint"> {event.roles.join(', ')}</span>}</td>
                <td>{event.operator ? 'operator' : <Person id={event.actorId} user={event.actor} />}</td>
                <td><Person id={event.userId} user={event.user} /></td>
                <td title={event.userAgent ?? undefined}>{event.ipAddress ?? '–'}</td>
                <td><code>{event.requestId ?? '–'}</code></td>
              </tr>
            ))}
          </tbody>
        </table>
        {data && events.length === 0 && <p className="hint">No events match.</p>}
      </div>
      <Pager pages={pages} end={data?.auditEvents?.pageInfo} />
    </section>
  )
}

/** A user by name, or by id if the account was deleted. Links to the events of that user. */
function Person({ id, user }: { id?: string | null | undefined; user?: { username?: string | null } | null | undefined }) {
  return id ? <a href={`#/audit?user=${id}`} title={id}>{user?.username ?? `${id.slice(0, 8)}…`}</a> : '–'
}

/** Filters the log by a user: an id, or the beginning of a name. */
function FindUser({ user }: { user: string | null }) {
  const { problem, run } = useAction()
  const [text, setText] = useState(user ?? '')
  const find = async () => {
    const search = text.trim()
    const found = search === '' || /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(search)
      ? search
      : (await send(findDocument, { search })).users?.edges[0]?.node.id
    if (found === undefined) throw new Error(`No user’s name begins with “${search}”.`)
    location.hash = found ? `#/audit?user=${found}` : '#/audit'
  }
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        void run(find)
      }}
    >
      <input type="search" aria-label="User" placeholder="User name, e-mail, or ID" value={text} onChange={(event) => { setText(event.target.value) }} />
      <button>Show</button>
      <Problem text={problem?.message} />
    </form>
  )
}
