// The dashboard, the audit log, its export, the OAuth clients and the signing keys. Argument: the server's address.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { account, assertAccessible, go, graphql, hold, newName, open, openAsAdmin, password, record, until, url } from './browser.mjs'

/** @import { Page } from 'playwright-core' */
/** @import { AuditRowFragment, ConsoleActivityQuery } from '../src/gql/graphql' */

/** Signs the administrator in without a browser. Resolves to the access token. */
async function signInAsAdmin() {
  const { data } = await graphql(
    'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }', { input: { identifier: 'root', password } })
  return /** @type {{ login: { accessToken: string } }} */ (data).login.accessToken
}

/** Tries to sign in from a program. @param {string} identifier @param {string} userAgent */
async function failToSignIn(identifier, userAgent) {
  await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'User-Agent': userAgent },
    body: JSON.stringify({
      query: 'mutation ($input: LoginInput!) { login(input: $input) { expiresIn } }',
      variables: { input: { identifier, password: 'not the password at all' } },
    }),
  })
}

/** The rows of a table. @param {Page} page @param {string} name */
const rows = (page, name) => page.getByRole('region', { name }).locator('tbody tr')

test('the dashboard has the numbers of the API, also as a table, and costs no query when it is closed', async () => {
  await account(newName())
  await failToSignIn(newName(), 'curl')
  const page = await openAsAdmin('')
  const sent = record(page)
  for (const title of ['Users', 'Audit']) {
    await go(page, title)
    await page.locator('tbody tr').first().waitFor()
  }
  assert.ok(!sent.includes('ConsoleActivity'), String(sent))

  const bearer = await signInAsAdmin()
  await go(page, 'Dashboard')
  await page.locator('.bars').nth(2).waitFor()
  const { data } = await graphql('{ dailyActivity(days: 30) { date signups logins failedLogins } userCount }', {}, bearer)
  const { dailyActivity, userCount } = /** @type {ConsoleActivityQuery} */ (data)
  const today = dailyActivity?.at(-1)
  assert.ok(dailyActivity && today && today.signups > 0 && today.logins > 0 && today.failedLogins > 0, JSON.stringify(today))
  await page.getByText(`${String(userCount)} users`, { exact: true }).waitFor()
  await page.getByText('Numbers of each day').click()
  const table = rows(page, 'Table of days')
  assert.equal(await table.count(), 30)
  assert.deepEqual(await table.first().locator('td').allTextContents(), [today.signups, today.logins, today.failedLogins].map(String))
  assert.deepEqual(await table.nth(29).locator('td').allTextContents(), ['0', '0', '0']) // a day before there was a server
  assert.equal(await table.nth(29).locator('time').getAttribute('datetime'), dailyActivity[0]?.date)
  const chart = page.getByRole('figure', { name: 'Failed sign-ins' })
  await chart.getByRole('img', { name: `Failed sign-ins per day, ${String(today.failedLogins)} in 30 days.` }).waitFor()
  assert.equal(await chart.locator('rect.bad').count(), 1)
  assert.equal(await chart.locator('rect.none').count(), 29)
  await assertAccessible(page, 'the dashboard with its table')

  await page.getByRole('button', { name: '7 days' }).click()
  await until(async () => (await table.count()) === 7, 10)
  assert.ok(page.url().endsWith('#/dashboard?days=7'))
  await page.reload()
  await page.getByRole('button', { name: '7 days', pressed: true }).waitFor()
  await page.getByRole('link', { name: 'Failed sign-ins in the audit log' }).click()
  await page.getByText('Kinds of events: Sign-in failed').waitFor()
})

test('the audit log says what a failed sign-in tried, and its details are behind a fold', async () => {
  const name = newName('tried')
  await failToSignIn(name, 'a "special" client')
  const page = await openAsAdmin('audit?kind=LOGIN_FAILED')
  const row = rows(page, 'Table of events').first()
  assert.equal(await row.getByRole('rowheader').textContent(), `Sign-in failed tried “${name}”`)
  const fold = row.getByRole('button', { name: 'Details' })
  assert.equal(await fold.getAttribute('aria-expanded'), 'false')
  await fold.click()
  const details = page.locator('tr.details')
  await details.getByText('a "special" client').waitFor()
  await details.getByText('LOGIN_FAILED').waitFor()
  await details.getByRole('button', { name: 'Copy the request ID' }).waitFor()
  await assertAccessible(page, 'the details of an event')
  await fold.click()
  await details.waitFor({ state: 'detached' })
})

test('events lead to their users, and to what a user did', async () => {
  const name = newName('led')
  await account(name)
  const page = await openAsAdmin('audit?kind=SIGNUP')
  const row = rows(page, 'Table of events').filter({ hasText: name }).first()
  await row.getByRole('button', { name: 'Details' }).click()
  await page.getByRole('link', { name: 'Events about this user' }).click()
  await until(async () => (await rows(page, 'Table of events').getByRole('rowheader').count()) === 1, 10)
  assert.match(page.url(), /#\/audit\?user=[0-9a-f-]{36}$/)
  await page.getByLabel('How the user took part').selectOption('By user')
  await until(() => page.url().endsWith('&as=actor'), 10)
  await page.goBack()
  await rows(page, 'Table of events').getByRole('link', { name }).first().click()
  await page.getByRole('dialog', { name }).waitFor()
})

test('several kinds can be chosen, and the address has them', async () => {
  const page = await openAsAdmin('audit')
  await page.getByText('Kinds of events: all').click()
  await page.getByLabel('Signed in').check()
  await page.getByLabel('Account created').check()
  await until(() => page.url().endsWith('#/audit?kind=LOGIN+USER_CREATED'), 10)
  await page.getByText('Kinds of events: Signed in, Account created').waitFor()
  await assertAccessible(page, 'the kinds of events')
  await until(async () => {
    const kinds = new Set(await rows(page, 'Table of events').getByRole('rowheader').allTextContents())
    return [...kinds].every((words) => /^(Signed in|Account created)/.test(words)) && kinds.size > 1
  }, 10)
  await page.getByRole('button', { name: 'All kinds' }).click()
  await until(() => page.url().endsWith('#/audit'), 10)
  await page.goto(`${url}/#/audit?kind=LOGIN+NONSENSE`)
  await page.getByText('Kinds of events: Signed in').waitFor()
})

test('days begin at midnight in the time zone of the user', async () => {
  const page = await openAsAdmin('', { timezoneId: 'Pacific/Auckland' })
  /** @type {unknown[]} */
  const filters = []
  page.on('request', (request) => {
    if (!request.postData()?.includes('ConsoleAuditEvents')) return
    /** @type {unknown} */
    const body = request.postDataJSON()
    filters.push(/** @type {{ variables: { filter: unknown } }} */ (body).variables.filter)
  })
  const asked = async (/** @type {string} */ view) => {
    filters.length = 0
    await page.goto(`${url}/#/${view}`)
    await until(() => filters.length > 0, 10)
    return filters[0]
  }
  assert.deepEqual(await asked('audit?from=2026-03-01&to=2026-03-01'), { from: '2026-02-28T11:00:00.000Z', to: '2026-03-01T11:00:00.000Z' })
  assert.deepEqual(await asked('audit?from=2026-04-05&to=2026-04-05'), // the end of summer time
    { from: '2026-04-04T11:00:00.000Z', to: '2026-04-05T12:00:00.000Z' })
  assert.deepEqual(await asked('audit?from=tomorrow&to=2026-13-01'), {})
  await page.getByText('your time zone, Pacific/Auckland').waitFor()
  await page.getByLabel('From').fill('2020-01-01')
  await page.getByLabel('To', { exact: true }).fill('2020-12-31')
  await page.getByText('No events match.').waitFor()
  assert.ok(page.url().endsWith('#/audit?from=2020-01-01&to=2020-12-31'))
  await assertAccessible(page, 'no events')
})

/** Exports what a page shows. @param {Page} page @param {string} format */
async function save(page, format) {
  await page.getByRole('button', { name: 'Export' }).click()
  const dialog = page.getByRole('dialog', { name: 'Export' })
  await dialog.getByLabel(format).check()
  await assertAccessible(page, 'the export')
  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export' }).click()])
  const bytes = await readFile(await download.path())
  const status = await dialog.getByText(/^Saved /).textContent()
  await page.keyboard.press('Escape')
  return { name: download.suggestedFilename(), bytes, status }
}

test('the export has all pages of what the filters match, with the bytes of each format', async () => {
  const name = newName('exported')
  const bearer = await account(name)
  for (let n = 0; n < 101; n++) { // more than a page of the API
    await graphql('mutation ($input: UpdateMeInput!) { updateMe(input: $input) { user { id } } }', { input: { fullName: `Name ${String(n)}` } }, bearer)
  }
  const { data } = await graphql('{ me { id } }', {}, bearer)
  const { me } = /** @type {{ me: { id: string } }} */ (data)
  const page = await openAsAdmin(`audit?kind=USER_UPDATED&user=${me.id}`)
  await rows(page, 'Table of events').first().waitFor()

  /** The events as the API has them, the newest first. @type {AuditRowFragment[]} */
  const events = []
  const admin = await signInAsAdmin()
  for (let after = null; events.length < 101;) {
    const answer = await graphql(
      `query ($after: String, $user: ID) { auditEvents(first: 60, after: $after, filter: { userId: $user, kinds: [USER_UPDATED] }) {
        edges { cursor node { id at kind identifier operator actorId userId sessionId clientId ipAddress userAgent requestId roles permissions } } } }`,
      { after, user: me.id }, admin)
    const { auditEvents: { edges } } = /** @type {{ auditEvents: { edges: { cursor: string, node: AuditRowFragment }[] } }} */ (answer.data)
    assert.ok(edges.length > 0)
    events.push(...edges.map((edge) => edge.node))
    after = edges.at(-1)?.cursor ?? null
  }
  const days = `${events.at(-1)?.at.slice(0, 10) ?? ''}-to-${events[0]?.at.slice(0, 10) ?? ''}`

  const csv = await save(page, 'CSV')
  assert.deepEqual([csv.name, csv.status], [`usher-audit-${days}.csv`, 'Saved 101 events.'])
  assert.equal(csv.bytes.toString(), [
    'at,kind,identifier,userId,username,actorId,actorUsername,operator,roles,permissions,sessionId,clientId,ipAddress,userAgent,requestId,id\r\n',
    ...events.map((e) => `${e.at},USER_UPDATED,,${me.id},${name},${me.id},${name},false,,,${e.sessionId ?? ''},,127.0.0.1,${e.userAgent ?? ''},${e.requestId ?? ''},${e.id}\r\n`),
  ].join(''))
  for (const { at } of events) assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)

  const ndjson = await save(page, 'NDJSON')
  assert.equal(ndjson.name, `usher-audit-${days}.ndjson`)
  const lines = ndjson.bytes.toString().split('\n')
  assert.equal(lines.pop(), '')
  assert.deepEqual(lines.map((line) => /** @type {unknown} */ (JSON.parse(line))),
    events.map((e) => ({ ...e, username: name, actorUsername: name })))
})

test('an export can be cancelled, and one without events saves no file', async () => {
  const page = await openAsAdmin('audit')
  await rows(page, 'Table of events').first().waitFor()
  let downloads = 0
  page.on('download', () => { downloads++ })
  const dialog = page.getByRole('dialog', { name: 'Export' })
  await page.getByRole('button', { name: 'Export' }).click()
  const release = await hold(page, 'ConsoleAuditEvents')
  await dialog.getByRole('button', { name: 'Export' }).click()
  await dialog.getByText('0 events so far').waitFor()
  await assertAccessible(page, 'a running export')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  release()
  await dialog.getByText('Cancelled. No file was saved.').waitFor()
  await page.goto(`${url}/#/audit?from=2020-01-01&to=2020-01-02`)
  await page.getByText('No events match.').waitFor()
  await dialog.getByRole('button', { name: 'Export' }).click()
  await dialog.getByText('No events match. No file was saved.').waitFor()
  assert.equal(downloads, 0)
})

test('the OAuth clients and the signing keys are listed, with the commands that change them', async () => {
  const page = await openAsAdmin('clients', { permissions: ['clipboard-read', 'clipboard-write'] })
  await page.getByRole('rowheader', { name: 'Billing' }).waitFor()
  await rows(page, 'Table of OAuth clients').filter({ hasText: 'https://books.example.com' }).getByRole('rowheader', { name: 'Books' }).waitFor()
  await page.getByRole('button', { name: 'Copy the command: usher client create --name NAME', exact: true }).click()
  await page.getByText('Copied.').waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'usher client create --name NAME')
  await go(page, 'Keys')
  /** @type {unknown} */
  const set = await (await fetch(`${url}/.well-known/jwks.json`)).json()
  const { keys } = /** @type {{ keys: { kid: string, alg: string }[] }} */ (set)
  for (const { kid, alg } of keys) {
    const row = rows(page, 'Table of signing keys').filter({ has: page.getByTitle(kid, { exact: true }) })
    await row.getByRole('cell', { name: alg, exact: true }).waitFor()
  }
  assert.equal(await rows(page, 'Table of signing keys').count(), keys.length)
  await page.getByRole('cell', { name: 'signing', exact: true }).or(page.getByText('Signs new access tokens.')).first().waitFor()
  await page.getByText('usher keys rotate').waitFor()
})

test('only administrators see these views', async () => {
  for (const view of ['dashboard', 'audit', 'clients', 'keys']) {
    const page = await open(view)
    await page.getByText('Sign in to see this page.').waitFor()
    await page.close()
  }
})
