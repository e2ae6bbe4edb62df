// The export of the audit log: its pages, and the files that are made of them.
import type { AuditRowFragment } from './gql/graphql'

export type Format = 'csv' | 'ndjson'

/** The number of events that are exported at most. The browser keeps all of them in memory. */
export const maxEvents = 50_000

/** A page of the log. */
export interface Page {
  edges: { node: AuditRowFragment }[]
  pageInfo: { hasNextPage: boolean; endCursor?: string | null }
}

interface Options {
  /** Is called after each page with the number of events so far. */
  progress: (count: number) => void
  signal: AbortSignal
  limit?: number
}

/** Reads pages until the end, or until there are `limit` events. Rejects when it is cancelled. */
export async function collect(read: (after: string | null) => Promise<Page>, { progress, signal, limit = maxEvents }: Options) {
  const events: AuditRowFragment[] = []
  for (let after: string | null = null; ;) {
    signal.throwIfAborted()
    const { edges, pageInfo } = await read(after)
    signal.throwIfAborted()
    events.push(...edges.map((edge) => edge.node))
    progress(Math.min(events.length, limit))
    const hasMore = pageInfo.hasNextPage && pageInfo.endCursor
    if (!hasMore || events.length >= limit) {
      return { events: events.slice(0, limit), complete: !hasMore && events.length <= limit }
    }
    after = pageInfo.endCursor ?? null
  }
}

// An event in a file. The times of the API are RFC 3339 in UTC.
const fields = {
  at: (e) => e.at,
  kind: (e) => e.kind,
  identifier: (e) => e.identifier,
  userId: (e) => e.userId,
  username: (e) => e.user?.username,
  actorId: (e) => e.actorId,
  actorUsername: (e) => e.actor?.username,
  operator: (e) => e.operator,
  roles: (e) => e.roles,
  permissions: (e) => e.permissions,
  sessionId: (e) => e.sessionId,
  clientId: (e) => e.clientId,
  ipAddress: (e) => e.ipAddress,
  userAgent: (e) => e.userAgent,
  requestId: (e) => e.requestId,
  id: (e) => e.id,
} satisfies Record<string, (event: AuditRowFragment) => string | boolean | string[] | null | undefined>

/** The text of a file. */
export function serialize(events: AuditRowFragment[], format: Format): string {
  const columns = Object.entries(fields)
  if (format === 'ndjson') {
    return events.map((e) => `${JSON.stringify(Object.fromEntries(columns.map(([name, of]) => [name, of(e) ?? null])))}\n`).join('')
  }
  const rows = events.map((e) => columns.map(([, of]) => cell(of(e))))
  return [Object.keys(fields), ...rows].map((row) => `${row.join(',')}\r\n`).join('')
}

/**
 * A field of CSV (RFC 4180 §2). Anybody can choose the user agent and the identifier of an event, and a spreadsheet
 * runs a cell that begins like a formula. An apostrophe before it makes it text (OWASP, "CSV Injection").
 */
function cell(value: string | boolean | string[] | null | undefined): string {
  const text = Array.isArray(value) ? value.join(' ') : String(value ?? '')
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The name of a file, with the days in UTC of its first and its last event. The newest event is the first. */
export function nameOfFile(events: AuditRowFragment[], format: Format): string {
  const days = [events.at(-1), events[0]].map((event) => event?.at.slice(0, 10))
  return `usher-audit-${days.join('-to-')}.${format}`
}

export const mediaTypes: Record<Format, string> = { csv: 'text/csv;charset=utf-8', ndjson: 'application/x-ndjson' }
