// How the console looks: what axe says about it, what it weighs, and pictures of it in docs/console/
// when SCREENSHOTS is set. Argument: the server's address.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { get } from 'node:http'
import { before, test } from 'node:test'

import { account, answered, assertAccessible, go, graphql, logIn, open, run, signInAsAdmin, url, visitor } from './browser.mjs'
import { nextMail, requestReset } from './mails.mjs'

/** @import { Page } from 'playwright-core' */

const pictures = new URL('../../docs/console/', import.meta.url).pathname
const shoot = process.env.SCREENSHOTS === '1'

before(async () => {
  if (shoot) mkdirSync(pictures, { recursive: true })
  for (const name of ['ada', 'grace', 'edsger', 'barbara']) await account(name)
  const root = await signInAsAdmin()
  const { data } = await graphql('{ users(filter: { search: "ada" }) { edges { node { id } } } }', {}, root)
  const userId = /** @type {{users: {edges: {node: {id: string}}[]}}} */ (data).users.edges[0]?.node.id
  const role = { name: 'SUPPORT', description: 'Answers questions of customers.', permissions: ['orders:read', 'users:read'] }
  await graphql('mutation ($input: CreateRoleInput!) { createRole(input: $input) { role { name } } }', { input: role }, root)
  await graphql('mutation ($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }', {
    input: { userId, fullName: 'Ada Lovelace', roles: ['SUPPORT'], appMetadata: { plan: 'pro', seats: 3 }, metadata: { theme: 'dark' } },
  }, root)
  await requestReset('root')
  await nextMail('root@example.com')
})

/** What each view shows when it is there. @type {[title: string, ready: (page: Page) => Promise<void>][]} */
const views = [
  ['Start', async (page) => { await page.getByRole('button', { name: /^MySessions/ }).waitFor() }],
  ['Access', async (page) => { await page.locator('[data-place="User.email"]').waitFor() }],
  ['Mailbox', async (page) => {
    await page.locator('iframe').contentFrame().getByRole('heading').first().waitFor()
  }],
  ['My account', async (page) => { await page.getByRole('button', { name: 'Send a mail to verify it' }).waitFor() }],
  ['Sessions', async (page) => { await page.getByText('this session').waitFor() }],
  ['Dashboard', async (page) => { await page.locator('.bars').nth(2).waitFor() }],
  ['Users', async (page) => { await page.getByRole('rowheader').getByText('root').waitFor() }],
  ['Roles', async (page) => { await page.getByRole('rowheader').getByText('SUPPORT').waitFor() }],
  ['Mail', async (page) => { await page.getByRole('rowheader').getByText('Reset password').first().waitFor() }],
  ['Audit', async (page) => { await page.locator('tbody').getByText('Signed up').first().waitFor() }],
  ['Clients', async (page) => { await page.getByRole('rowheader').getByText('Books').waitFor() }],
  ['Keys', async (page) => { await page.getByRole('cell').getByText('signing', { exact: true }).waitFor() }],
  ['Editor', async (page) => {
    await run(page)
    await answered(page, 'root')
  }],
]

/** The pages that links open, with what each asks to press. @type {[page: string, button: string][]} */
const links = [
  ['verify-email', 'Sign in and confirm'], ['reset-password', 'Set password and sign in'], ['confirm-email', 'Confirm'],
  ['undo-email-change', 'Undo the change'], ['complete-signup', 'Create account'], ['accept-invitation', 'Create account'],
]

/** Asks axe, and takes a picture. @param {Page} page @param {string} name @param {string} colorScheme @param {number} width */
async function look(page, name, colorScheme, width) {
  await page.mouse.move(width - 1, 400)
  await assertAccessible(page, name)
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert.ok(over <= 0, `${name} is ${String(over)} px too wide`)
  if (shoot) await page.screenshot({ path: `${pictures}${name}-${colorScheme}-${String(width)}.png`, animations: 'disabled' })
}

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  for (const width of [1440, 390]) {
    test(`${colorScheme}, ${String(width)} px: axe finds nothing, nothing is cut off`, async () => {
      const page = await open('', { colorScheme, viewport: { width, height: width < 500 ? 844 : 900 } })
      await page.getByLabel('Password').waitFor()
      await look(page, 'sign-in', colorScheme, width)
      await logIn(page, 'root', 'wrong')
      await page.getByRole('alert').waitFor()
      await assertAccessible(page, 'an error')
      await logIn(page, 'root')
      await page.getByRole('timer').waitFor()
      for (const [title, ready] of views) {
        await go(page, title)
        await ready(page)
        await look(page, title.toLowerCase().replaceAll(' ', '-'), colorScheme, width)
      }
      await go(page, 'Users')
      await page.getByRole('rowheader').getByRole('link', { name: 'ada' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await page.locator('dialog tbody tr').waitFor()
      await assertAccessible(page, 'a question')
      await page.locator('dialog').evaluate((dialog) => { dialog.scrollTo(0, 0) })
      await look(page, 'user', colorScheme, width)
      await page.goto(`${url}/#/users?user=new`)
      await page.getByRole('button', { name: 'Generate' }).click()
      await look(page, 'new-user', colorScheme, width)
      await page.goto(`${url}/#/users?user=invite`)
      await page.getByRole('dialog', { name: 'Invite a user' }).waitFor()
      await look(page, 'invite', colorScheme, width)
      await page.goto(`${url}/#/roles?role=SUPPORT`)
      await page.getByRole('dialog', { name: 'SUPPORT' }).waitFor()
      await look(page, 'role', colorScheme, width)
    })

    test(`${colorScheme}, ${String(width)} px: the pages that links open`, async () => {
      const size = { width, height: width < 500 ? 844 : 900 }
      // A page cannot know the user name before its token is used.
      const context = await visitor({ colorScheme, viewport: size }, { expected: /should have \(optionally hidden\) username fields/ })
      for (const [name, button] of links) {
        const page = await context.newPage()
        await page.goto(`${url}/${name}#token=of-no-mail`)
        await page.getByRole('button', { name: button, exact: true }).waitFor()
        await look(page, name, colorScheme, width)
      }
      const page = await context.newPage()
      await page.goto(`${url}/`)
      await page.getByRole('button', { name: 'Forgot your password?' }).click()
      await page.getByLabel('User name or e-mail').fill('nobody')
      await page.getByRole('button', { name: 'Send the mail' }).click()
      await page.getByLabel('Code of the mail').waitFor()
      await look(page, 'forgot', colorScheme, width)
      await page.goto(`${url}/login#token=of-no-mail`)
      await page.getByText('works only in the browser where you asked for it').waitFor()
      await look(page, 'login', colorScheme, width)
      await page.goto(`${url}/`)
      await page.getByRole('button', { name: 'Email me a code' }).click()
      await page.getByLabel('E-mail').fill('nobody@example.com')
      await page.getByLabel('E-mail').press('Enter')
      await page.getByLabel('Code of the mail').waitFor()
      await look(page, 'login-code', colorScheme, width)
    })
  }
}

test('the theme follows the system until it is switched, and the switch is remembered', async () => {
  const page = await open('', { colorScheme: 'dark' })
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)
  assert.equal(await scheme(), 'dark')
  await page.getByRole('switch', { name: 'Dark theme' }).click()
  assert.equal(await scheme(), 'light')
  await page.reload()
  await page.getByLabel('Password').waitFor()
  assert.equal(await scheme(), 'light')
})

test('the page weighs little, and views do not wait for the editor', async () => {
  const page = await open('about:blank')
  /** @type {Set<string>} */
  const asked = new Set()
  page.on('request', (request) => { // what it shows, such as mails, is not its own weight
    if (/^\/($|assets\/)/.test(new URL(request.url()).pathname)) asked.add(request.url())
  })
  page.on('worker', (worker) => asked.add(worker.url()))
  await page.goto(`${url}/`)
  await page.reload()
  await logIn(page, 'root')
  for (const title of ['Access', 'Mailbox', 'My account', 'Sessions', 'Dashboard', 'Users', 'Roles', 'Mail', 'Audit', 'Clients', 'Keys']) {
    await go(page, title)
    await page.getByRole('heading', { level: 1 }).waitFor()
  }
  await page.locator('tbody tr').first().waitFor()
  const views = await weigh(asked)
  assert.ok(![...asked].some((address) => /monaco|Editor/.test(address)), [...asked].join('\n'))
  await go(page, 'Editor')
  await run(page)
  await answered(page, 'root')
  const all = await weigh(asked)
  console.log(`views: ${String(views)} bytes; with the editor and its workers: ${String(all)} bytes in ${String(asked.size)} files`)
  assert.ok([...asked].some((address) => address.includes('worker')), 'no worker was seen')
  assert.ok(views < 120_000, 'the views')
  assert.ok(all < 2_500_000, 'everything')
})

/** Adds up what files weigh on the wire. @param {Set<string>} addresses */
async function weigh(addresses) {
  const sizes = await Promise.all([...addresses].map((address) => new Promise((resolve, reject) => {
    get(address, { headers: { 'Accept-Encoding': 'br' } }, (response) => {
      let size = 0
      response.on('data', (/** @type {Buffer} */ part) => { size += part.length })
      response.on('end', () => { resolve(size) })
    }).on('error', reject)
  })))
  return /** @type {number[]} */ (sizes).reduce((sum, size) => sum + size, 0)
}
