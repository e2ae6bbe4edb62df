import { useState } from 'react'

import { AuditFilters, filterOf, parameters } from './AuditFilters'
import { wordsOf } from './auditKinds'
import { CopyId } from './components/CopyId'
import { Pager } from './components/Pager'
import { type Column, Table } from './components/Table'
import { Time } from './components/Time'
import { ExportAudit } from './ExportAudit'
import { graphql } from './gql'
import type { AuditRowFragment } from './gql/graphql'
import { usePages, useQuery } from './query'
import { href, useFilters } from './route'
import { send } from './send'

const eventsDocument = graphql(`
  query ConsoleAuditEvents($first: Int!, $after: String, $filter: AuditEventFilter) {
    auditEvents(first: $first, after: $after, filter: $filter) {
      edges { node { ...AuditRow } }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

graphql(`
  fragment AuditRow on AuditEvent {
    id at kind identifier operator actorId userId sessionId clientId ipAddress userAgent requestId roles permissions
    actor { id username }
    user { id username }
  }
`)

const columns: Column<AuditRowFragment>[] = [
  { title: 'Time', cell: (event) => <Time at={event.at} /> },
  {
    title: 'Event',
    names: true,
    cell: (event) => (
      <>
        {wordsOf(event.kind)}
        {event.identifier && <span className="hint"> tried “{event.identifier}”</span>}
        {event.roles && <span className="hint"> {event.roles.join(', ')}</span>}
        {event.permissions && <span className="hint"> ({event.permissions.join(', ') || 'no permissions'})</span>}
      </>
    ),
  },
  { title: 'By', cell: (event) => (event.operator ? 'operator' : <Person id={event.actorId} user={event.actor} />) },
  { title: 'User', cell: (event) => <Person id={event.userId} user={event.user} /> },
  { title: 'IP address', cell: (event) => event.ipAddress ?? '–' },
]

/** The audit log, for administrators. The address has the filters. */
export default function Audit() {
  const filters = useFilters(parameters)
  const filter = filterOf(filters.values)
  const pages = usePages(JSON.stringify(filter))
  const { data, problem, loading, reload } = useQuery(eventsDocument, { first: 25, after: pages.after, filter })
  const [exporting, setExporting] = useState(false)
  const read = async (after: string | null) => {
    const { auditEvents } = await send(eventsDocument, { first: 100, after, filter })
    if (!auditEvents) throw new Error('The audit log could not be read.')
    return auditEvents
  }
  return (
    <section className="view" aria-labelledby="audit-title">
      <header className="title">
        <h1 id="audit-title">Audit log</h1>
        <div className="buttons">
          <button type="button" onClick={reload}>Reload</button>
          <button type="button" onClick={() => { setExporting(true) }}>Export</button>
        </div>
      </header>
      <AuditFilters filters={filters} />
      <Table
        label="Table of events"
        columns={columns}
        rows={data?.auditEvents?.edges.map((edge) => edge.node)}
        details={details}
        loading={loading}
        problem={problem?.message}
        empty="No events match."
        lines={12}
      />
      <Pager pages={pages} end={data?.auditEvents?.pageInfo} />
      {exporting && <ExportAudit read={read} close={() => { setExporting(false) }} />}
    </section>
  )
}

/** A user by name, with a link to the account. Only the id is left of a deleted account. */
function Person({ id, user }: { id?: string | null | undefined; user?: { username?: string | null } | null | undefined }) {
  if (!id) return '–'
  if (!user) return <span title={id}>…{id.slice(-8)} <span className="hint">(deleted)</span></span>
  return <a href={href('users', { user: id })} title={id}>{user.username ?? `…${id.slice(-8)}`}</a>
}

/** What the table has no room for. */
function details(event: AuditRowFragment) {
  const ids = [
    ['Event', event.id], ['User', event.userId], ['Acting user', event.actorId],
    ['Session', event.sessionId], ['Client', event.clientId], ['Request', event.requestId],
  ] as const
  return (
    <>
      <dl>
        {ids.map(([title, id]) => id && <div key={title}><dt>{title} ID</dt><dd><CopyId label={`${title.toLowerCase()} ID`} id={id} /></dd></div>)}
        <div><dt>Kind</dt><dd><code>{event.kind}</code></dd></div>
        {event.userAgent && <div><dt>User agent</dt><dd>{event.userAgent}</dd></div>}
      </dl>
      {(event.userId ?? event.actorId) && (
        <p className="links">
          {event.userId && <a href={href('audit', { user: event.userId })}>Events about this user</a>}
          {event.actorId && <a href={href('audit', { user: event.actorId, as: 'actor' })}>Events by the acting user</a>}
        </p>
      )}
    </>
  )
}
