// The console of a server that accepts only trusted documents. Argument: the server's address.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { answered, assertAccessible, go, graphql, logIn, open, record, run, signUp, url } from './browser.mjs'

/** @import { Page } from 'playwright-core' */

/** @type {unknown} */
const manifest = JSON.parse(readFileSync(new URL('../../internal/console/dist/persisted-documents.json', import.meta.url), 'utf8'))
const trusted = new Set(Object.values(/** @type {Record<string, string>} */ (manifest)))

/** Collects the documents that a page sends and that are not in the console's manifest. @param {Page} page */
function collectOthers(page) {
  /** @type {string[]} */
  const others = []
  page.on('request', (request) => {
    if (!request.url().endsWith('/graphql')) return
    /** @type {unknown} */
    const body = request.postDataJSON()
    const { query } = /** @type {{ query: string }} */ (body)
    if (!trusted.has(query)) others.push(query)
  })
  return others
}

test('the server rejects documents of others', async () => {
  const { errors } = await graphql('{ __typename }')
  assert.match(JSON.stringify(errors), /DOCUMENT_NOT_TRUSTED/)
})

test('an administrator signs in and lists users, with trusted documents only', async () => {
  const admin = await open('users')
  const sent = record(admin)
  const others = collectOthers(admin)
  await logIn(admin, 'root')
  await admin.getByRole('rowheader').getByText('root').waitFor()
  for (const title of ['Sessions', 'Dashboard', 'Roles', 'Mail', 'Audit', 'Clients', 'Keys']) {
    await go(admin, title)
    await admin.locator('tbody tr, .sessions li, .bars, .scroll > .hint').filter({ visible: true }).first().waitFor()
  }
  await admin.reload() // which refreshes
  await admin.getByRole('complementary').getByRole('heading', { name: 'root' }).waitFor()
  assert.ok(sent.includes('ConsoleKeys') && sent.includes('ConsoleRefresh'), String(sent))
  assert.deepEqual(others, [])

  await go(admin, 'Editor') // administrators may send any document
  await run(admin)
  await answered(admin, 'root')
  assert.equal(await admin.getByText('accepts only trusted documents').count(), 0)
})

test('a server that sends no mail says so, and has no mailbox', async () => {
  const page = await open('')
  await page.getByRole('button', { name: 'Forgot your password?' }).click()
  await page.getByLabel('User name or e-mail').fill('root')
  await page.getByRole('button', { name: 'Send the mail' }).click()
  await page.getByRole('alert').getByText('sends no mail').waitFor()
  assert.equal(await page.getByRole('link', { name: 'Mailbox' }).count(), 0)
  assert.equal((await page.request.get(`${url}/mailbox.json`)).status(), 404)
})

test('a user signs up and sees their sessions, and the editor says what it accepts', async () => {
  const page = await open('')
  const others = collectOthers(page)
  await signUp(page)
  await go(page, 'Sessions')
  await page.getByText('this session').waitFor()
  assert.deepEqual(others, [])

  await go(page, 'Start')
  await page.getByRole('button', { name: /^MySessions/ }).click() // an example, which is trusted
  await page.getByText('This server accepts only trusted documents.').waitFor()
  await page.locator('.graphiql-query-editor').getByText('MySessions').first().waitFor()
  await run(page)
  await answered(page, 'ipAddress')
  await assertAccessible(page, 'the editor of a server that accepts only trusted documents')
  assert.deepEqual(others, [])
})
