// The files that the audit log is exported to, without a browser.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { runnerImport } from 'vite'

/** @type {{ module: typeof import('../src/exportAudit') }} */
const { module: { collect, nameOfFile, serialize } } = await runnerImport(new URL('../src/exportAudit.ts', import.meta.url).pathname)

/** @import { AuditRowFragment } from '../src/gql/graphql' */

const header = 'at,kind,identifier,userId,username,actorId,actorUsername,operator,roles,permissions,sessionId,clientId,ipAddress,userAgent,requestId,id'

/** @param {Partial<AuditRowFragment>} [fields] @returns {AuditRowFragment} */
const event = (fields) => ({
  id: '1', at: '2026-01-31T12:00:00.123456Z', kind: 'LOGIN', operator: false, identifier: null, actorId: null, userId: null,
  sessionId: null, clientId: null, ipAddress: null, userAgent: null, requestId: null, roles: null, permissions: null, actor: null, user: null, ...fields,
})

test('a CSV file has these bytes', () => {
  const full = event({
    kind: 'USER_ROLES_CHANGED', identifier: 'ada', userId: 'u', user: { id: 'u', username: 'ädä' }, actorId: 'a', actor: { id: 'a', username: 'root' },
    roles: ['USER', 'ADMIN'], permissions: ['orders:read', 'orders:write'], sessionId: 's', clientId: 'c', ipAddress: '2001:db8::7', userAgent: 'curl/8, "x"', requestId: 'r', operator: true,
  })
  assert.deepEqual(Buffer.from(serialize([full, event()], 'csv')), Buffer.from(
    `${header}\r\n`
    + '2026-01-31T12:00:00.123456Z,USER_ROLES_CHANGED,ada,u,ädä,a,root,true,USER ADMIN,orders:read orders:write,s,c,2001:db8::7,"curl/8, ""x""",r,1\r\n'
    + '2026-01-31T12:00:00.123456Z,LOGIN,,,,,,false,,,,,,,,1\r\n',
  ))
  assert.equal(serialize([], 'csv'), `${header}\r\n`)
})

test('a NDJSON file has these bytes', () => {
  const events = [event({ userAgent: '=1\n"ä"', roles: ['USER'] }), event({ actorId: 'a' })]
  assert.equal(serialize(events, 'ndjson'),
    '{"at":"2026-01-31T12:00:00.123456Z","kind":"LOGIN","identifier":null,"userId":null,"username":null,"actorId":null,"actorUsername":null,"operator":false,"roles":["USER"],"permissions":null,"sessionId":null,"clientId":null,"ipAddress":null,"userAgent":"=1\\n\\"ä\\"","requestId":null,"id":"1"}\n'
    + '{"at":"2026-01-31T12:00:00.123456Z","kind":"LOGIN","identifier":null,"userId":null,"username":null,"actorId":"a","actorUsername":null,"operator":false,"roles":null,"permissions":null,"sessionId":null,"clientId":null,"ipAddress":null,"userAgent":null,"requestId":null,"id":"1"}\n')
  assert.equal(serialize([], 'ndjson'), '')
})

test('no cell of a CSV file begins like a formula', () => {
  for (const [text, field] of [
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    ['+1', `"'+1"`], ['-1', `"'-1"`], ['@SUM(1)', `"'@SUM(1)"`], ['\t=1', `"'\t=1"`], ['\r=1', `"'\r=1"`], ['\n=1', `"'\n=1"`],
    ['＝1', `"'＝1"`], ['＋1', `"'＋1"`], ['－1', `"'－1"`], ['＠1', `"'＠1"`],
    ['1=1', '1=1'], ['a-b', 'a-b'], ['a,=1', '"a,=1"'], ['a\r\n=1', '"a\r\n=1"'], [`'=1`, `'=1`], ['', ''], [' x ', ' x '],
  ]) {
    const row = serialize([event({ userAgent: text ?? '' })], 'csv').slice(header.length + 2)
    assert.equal(row, `2026-01-31T12:00:00.123456Z,LOGIN,,,,,,false,,,,,,${field ?? ''},,1\r\n`, text)
  }
})

/** Reads CSV as RFC 4180 §2 defines it. @param {string} text */
function parse(text) {
  /** @type {string[][]} */
  const rows = [[]]
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
  while (field.lastIndex < text.length) {
    const found = field.exec(text)
    assert.ok(found, `not CSV: ${text}`)
    rows.at(-1)?.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] === '\r\n') rows.push([])
  }
  return rows.slice(0, -1)
}

test('a CSV file has every text as it was, behind an apostrophe if it begins like a formula', () => {
  const letters = ['=', '+', '-', '@', '"', '\'', ',', '\r', '\n', '\t', ' ', 'a', 'é', '＝', '😀']
  let seed = 1
  const next = () => (seed = (seed * 48271) % 2147483647)
  const texts = Array.from({ length: 2000 }, () => Array.from({ length: next() % 6 }, () => letters[next() % letters.length] ?? '').join(''))
  const rows = parse(serialize(texts.map((text) => event({ userAgent: text, identifier: text })), 'csv'))
  assert.equal(rows.length, texts.length + 1)
  for (const [n, text] of texts.entries()) {
    const row = rows[n + 1] ?? []
    const want = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text
    assert.deepEqual([row.length, row[2], row[13]], [16, want, want])
  }
})

test('the name of a file has the days of its first and last event', () => {
  const events = [event({ at: '2026-03-02T00:00:00Z' }), event({ at: '2026-03-01T00:00:00Z' }), event({ at: '2026-02-27T23:59:59.9Z' })]
  assert.equal(nameOfFile(events, 'csv'), 'usher-audit-2026-02-27-to-2026-03-02.csv')
  assert.equal(nameOfFile(events.slice(1, 2), 'ndjson'), 'usher-audit-2026-03-01-to-2026-03-01.ndjson')
})

/** A log of so many events, in pages of 10. @param {number} count */
const log = (count) => {
  /** @type {(string | null)[]} */
  const asked = []
  /** @param {string | null} after */
  const read = (after) => {
    asked.push(after)
    const start = Number(after ?? 0)
    const end = Math.min(start + 10, count)
    const edges = Array.from({ length: end - start }, (_, n) => ({ node: event({ id: String(start + n) }) }))
    return Promise.resolve({ edges, pageInfo: { hasNextPage: end < count, endCursor: end > start ? String(end) : null } })
  }
  return { asked, read }
}

test('all pages are read, until the end or the limit', async () => {
  for (const { count, limit, want, pages, complete } of [
    { count: 0, limit: 20, want: 0, pages: 1, complete: true },
    { count: 7, limit: 20, want: 7, pages: 1, complete: true },
    { count: 19, limit: 20, want: 19, pages: 2, complete: true },
    { count: 20, limit: 20, want: 20, pages: 2, complete: true },
    { count: 21, limit: 20, want: 20, pages: 2, complete: false },
    { count: 28, limit: 25, want: 25, pages: 3, complete: false },
    { count: 35, limit: 25, want: 25, pages: 3, complete: false },
  ]) {
    const { asked, read } = log(count)
    /** @type {number[]} */
    const progress = []
    const got = await collect(read, { limit, signal: new AbortController().signal, progress: (n) => progress.push(n) })
    const what = JSON.stringify({ count, limit })
    assert.deepEqual(got.events.map(({ id }) => id), Array.from({ length: want }, (_, n) => String(n)), what)
    assert.deepEqual([asked.length, got.complete, progress.at(-1)], [pages, complete, want], what)
  }
})

test('a cancelled export asks for no more pages, and a failed one has no file', async () => {
  const { asked, read } = log(100)
  const cancel = new AbortController()
  await assert.rejects(collect(read, { signal: cancel.signal, progress: (n) => { if (n === 20) cancel.abort() } }), { name: 'AbortError' })
  assert.deepEqual(asked, [null, '10'])
  await assert.rejects(collect(() => Promise.reject(new Error('no')), { signal: new AbortController().signal, progress: () => undefined }), /no/)
})
