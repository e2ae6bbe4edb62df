import { useState } from 'react'

import { CopyId } from './components/CopyId'
import { Choice } from './components/filters'
import { Problem, useAction } from './components/Form'
import { Pager } from './components/Pager'
import { type Column, Table } from './components/Table'
import { Time } from './components/Time'
import { graphql } from './gql'
import type { AuditEventKind, ConsoleAuditEventsQuery } from './gql/graphql'
import { usePages, useQuery } from './query'
import { href, navigate, useFilters } from './route'
import { send } from './send'

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
  CLIENT_CREATED: 0, CLIENT_DELETED: 0, ROLE_CREATED: 0, ROLE_UPDATED: 0, ROLE_DELETED: 0,
} satisfies Record<AuditEventKind, 0>) as AuditEventKind[]

const parameters = { kind: ['', ...kinds], user: '' } as const
const kindOptions = { '': 'All events', ...Object.fromEntries(kinds.map((kind) => [kind, kind])) } as Record<AuditEventKind | '', string>

type Event = NonNullable<ConsoleAuditEventsQuery['auditEvents']>['edges'][number]['node']

const columns: Column<Event>[] = [
  { title: 'Time', cell: (event) => <Time at={event.at} /> },
  {
    title: 'Event',
    cell: (event) => <><code>{event.kind}</code>{event.roles && <span className="hint"> {event.roles.join(', ')}</span>}</>,
  },
  { title: 'By', cell: (event) => (event.operator ? 'operator' : <Person id={event.actorId} user={event.actor} />) },
  { title: 'User', cell: (event) => <Person id={event.userId} user={event.user} /> },
  { title: 'IP address', cell: (event) => <span title={event.userAgent ?? undefined}>{event.ipAddress ?? '–'}</span> },
  { title: 'Request ID', cell: (event) => <CopyId label="request ID" id={event.requestId} /> },
]

/** The audit log, for administrators. The address has the filters. */
export default function Audit() {
  const { values: { kind, user }, set } = useFilters(parameters)
  const filter = { kind: kind || null, userId: user || null }
  const pages = usePages(JSON.stringify(filter))
  const { data, problem, loading, reload } = useQuery(eventsDocument, { first: 25, after: pages.after, filter })
  return (
    <section className="view" aria-labelledby="audit-title">
      <h1 id="audit-title">Audit log</h1>
      <div className="tools">
        <Choice label="Kind" options={kindOptions} value={kind} change={(value) => { set({ kind: value }) }} />
        <FindUser key={user} user={user} />
        <button type="button" onClick={reload}>Reload</button>
      </div>
      <Table
        label="Table of events"
        columns={columns}
        rows={data?.auditEvents?.edges.map((edge) => edge.node)}
        loading={loading}
        problem={problem?.message}
        empty="No events match."
        lines={12}
      />
      <Pager pages={pages} end={data?.auditEvents?.pageInfo} />
    </section>
  )
}

/** A user by name, or by id if the account was deleted. Links to the events of that user. */
function Person({ id, user }: { id?: string | null | undefined; user?: { username?: string | null } | null | undefined }) {
  return id ? <a href={href('audit', { user: id })} title={id}>{user?.username ?? `…${id.slice(-8)}`}</a> : '–'
}

/** Filters the log by a user: an id, or the beginning of a name. */
function FindUser({ user }: { user: string }) {
  const { problem, run } = useAction()
  const [text, setText] = useState(user)
  const find = async () => {
    const search = text.trim()
    const found = search === '' || /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(search)
      ? search
      : (await send(findDocument, { search })).users?.edges[0]?.node.id
    if (found === undefined) throw new Error(`No user’s name begins with “${search}”.`)
    navigate(href('audit', { user: found }))
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
