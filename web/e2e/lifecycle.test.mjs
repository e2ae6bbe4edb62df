// The life of an account with its mails. Argument: the address of a server with --dev, which keeps its mails.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { assertAccessible, go, graphql, logIn, newName, open, openAsAdmin, password, record, signInAsAdmin, url, visitor } from './browser.mjs'
import { accountWithEmail, countMails, nextMail, requestReset, requestVerification } from './mails.mjs'

/** @import { Page } from 'playwright-core' */

/** Chromium misses a user name beside the new password. The page cannot know it before the token is used. */
const expected = /should have \(optionally hidden\) username fields/

const another = 'nine quiet purple kettles'

/** @param {Page} page */
const panel = (page) => page.getByRole('complementary')

/** Opens the link of a mail in a browser of its own. @param {{ link: string }} mail */
async function follow({ link }) {
  const page = await (await visitor({}, { expected })).newPage()
  const sent = record(page)
  await page.goto(link)
  await page.getByRole('heading', { level: 1 }).waitFor()
  assert.ok(!page.url().includes('token'), page.url())
  return { page, sent }
}

/** Opens a view as a user. @param {string} view @param {string} name */
async function openAs(view, name, secret = password) {
  const page = await open()
  await logIn(page, name, secret)
  await panel(page).getByRole('heading', { name }).waitFor()
  if (view) await go(page, view)
  return page
}

/** What the server says about a user. @param {string} bearer */
async function me(bearer) {
  const { data } = await graphql('{ me { email emailVerifiedAt pendingEmail locale deletionAt } }', {}, bearer)
  return /** @type {{ me: Record<'email' | 'emailVerifiedAt' | 'pendingEmail' | 'locale' | 'deletionAt', string | null> | null }} */ (data).me
}

/** Signs in without a browser. Resolves to the access token, or ''. @param {string} identifier @param {string} secret */
async function tokenFor(identifier, secret) {
  const { data } = await graphql('mutation ($i: LoginInput!) { login(input: $i) { accessToken } }', { i: { identifier, password: secret } })
  return /** @type {{ login: { accessToken: string } } | null} */ (data)?.login.accessToken ?? ''
}

test('a forgotten password: the mail is opened in the mailbox, and its link signs in every tab', async () => {
  const name = newName()
  await accountWithEmail(name)
  const page = await open('', {}, { expected })
  await panel(page).getByRole('button', { name: 'Forgot your password?' }).click()
  await panel(page).getByLabel('User name or e-mail').fill(name)
  await panel(page).getByRole('button', { name: 'Send the mail' }).click()
  await panel(page).getByText('a mail is on its way').waitFor()
  await panel(page).getByRole('link', { name: 'mailbox' }).click()
  await page.getByRole('list', { name: 'Mails' }).getByRole('link').filter({ hasText: `${name}@example.com` }).click()
  const link = page.locator('iframe').contentFrame().getByRole('link').first()
  await link.waitFor()
  const opened = page.context().waitForEvent('page')
  await link.click()
  const tab = await opened
  const sent = record(tab)
  await tab.getByRole('heading', { name: 'Choose a new password' }).waitFor()
  assert.equal(tab.url(), `${url}/#/reset-password`)
  await tab.getByLabel('New password', { exact: true }).fill('short')
  await tab.getByRole('button', { name: 'Set password and sign in' }).click()
  await tab.locator('[name=password][aria-invalid=true]').waitFor()
  await tab.getByLabel('New password', { exact: true }).fill(another)
  await tab.getByRole('button', { name: 'Set password and sign in' }).click()
  await tab.getByText('You are signed in as').waitFor()
  assert.deepEqual(sent.filter((operation) => operation === 'ConsoleResetPassword').length, 2)
  await panel(page).getByRole('heading', { name }).waitFor() // the first tab
  assert.equal(await tokenFor(name, password), '')
  assert.notEqual(await tokenFor(name, another), '')
  await tab.goBack()
  assert.ok(!tab.url().includes('token'), 'the history has the token')
})

test('a forgotten password: the code, entered wrong and then right', async () => {
  const name = newName()
  await accountWithEmail(name)
  const page = await open()
  await panel(page).getByRole('button', { name: 'Forgot your password?' }).click()
  await panel(page).getByLabel('User name or e-mail').fill(`${name}@example.com`)
  await panel(page).getByRole('button', { name: 'Send the mail' }).click()
  const { code } = await nextMail(`${name}@example.com`)
  await panel(page).getByLabel('Code of the mail').fill(code === '000000' ? '111111' : '000000')
  await panel(page).getByLabel('New password', { exact: true }).fill(another)
  const submit = panel(page).getByRole('button', { name: 'Set password and sign in' })
  await submit.click()
  await page.locator('[name=code][aria-invalid=true]').waitFor()
  await panel(page).getByLabel('Code of the mail').fill(`${code.slice(0, 3)} ${code.slice(3)}`)
  await submit.click()
  await panel(page).getByRole('heading', { name }).waitFor()
})

test('a forgotten password: nobody learns whether there is an account', async () => {
  const page = await open()
  await panel(page).getByRole('button', { name: 'Forgot your password?' }).click()
  await panel(page).getByLabel('User name or e-mail').fill(newName('nobody'))
  await panel(page).getByRole('button', { name: 'Send the mail' }).click()
  await panel(page).getByText('If there is an account').waitFor()
})

test('a link changes nothing until it is confirmed, works once, and then says so', async () => {
  const name = newName()
  await accountWithEmail(name)
  await requestReset(name)
  const mail = await nextMail(`${name}@example.com`)
  const { page, sent } = await follow(mail)
  await page.getByRole('button', { name: 'Set password and sign in' }).waitFor()
  assert.deepEqual(sent.filter((operation) => operation !== 'ConsoleRefresh'), [])
  await page.getByLabel('New password', { exact: true }).fill(another)
  await page.getByRole('button', { name: 'Set password and sign in' }).click()
  await page.getByText('You are signed in as').waitFor()

  const { page: later } = await follow(mail)
  await later.getByLabel('New password', { exact: true }).fill(another)
  await later.getByRole('button', { name: 'Set password and sign in' }).click()
  await later.getByRole('alert').getByText('no longer valid').waitFor()
  await assertAccessible(later, 'a link that was used')
  await later.getByLabel('User name or e-mail').fill(name) // and how to get another
  await later.getByRole('button', { name: 'Send the mail' }).click()
  assert.match((await nextMail(`${name}@example.com`, /reset|password/i)).text, /./)

  await later.reload()
  await later.getByText('Open it again from the mail').waitFor()
})

test('an address is verified with a sign-in, which keeps the password', async () => {
  const name = newName()
  const token = await accountWithEmail(name)
  await requestVerification(token)
  const { page } = await follow(await nextMail(`${name}@example.com`))
  await page.getByLabel('User name or e-mail').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in and confirm' }).click()
  await page.getByText('is confirmed').waitFor()
  await page.getByRole('link', { name: 'Go to your account' }).click()
  await page.getByText('verified', { exact: true }).waitFor()
  assert.notEqual((await me(await tokenFor(name, password)))?.emailVerifiedAt, null)
})

test('an address is verified without a sign-in, which removes the password', async () => {
  const name = newName()
  await requestVerification(await accountWithEmail(name))
  const { page } = await follow(await nextMail(`${name}@example.com`))
  await page.getByText('This removes the password of the account').waitFor()
  await page.getByRole('button', { name: 'Confirm without signing in' }).click()
  await page.getByText('The account has no password now').waitFor()
  assert.equal(await tokenFor(name, password), '')
  await page.getByRole('button', { name: 'Send the mail' }).click() // with the address of the account
  const { code } = await nextMail(`${name}@example.com`, /password/i)
  await page.getByLabel('Code of the mail').fill(code)
  await page.getByLabel('New password', { exact: true }).fill(another)
  await page.getByRole('button', { name: 'Set password and sign in' }).click()
  await page.getByRole('link', { name: 'Go to your account' }).waitFor()
  assert.notEqual(await tokenFor(name, another), '')
})

test('my account: the address is verified by its code, and the password changes', async () => {
  const name = newName()
  const elsewhere = await accountWithEmail(name)
  const page = await openAs('My account', name)
  await page.getByText('not verified').waitFor()
  await page.getByRole('button', { name: 'Send a mail to verify it' }).click()
  await page.getByLabel('Code of the mail').fill((await nextMail(`${name}@example.com`)).code)
  await page.getByRole('button', { name: 'Verify' }).click()
  await page.getByText('verified', { exact: true }).waitFor()

  const change = page.getByRole('region', { name: 'Password' })
  await change.getByLabel('Current password').fill('not the password at all')
  await change.getByLabel('New password', { exact: true }).fill(another)
  await change.getByRole('button', { name: 'Change password' }).click()
  await change.getByRole('alert').waitFor()
  await change.getByLabel('Current password').fill(password)
  await change.getByRole('button', { name: 'Change password' }).click()
  await change.getByText('Password changed.').waitFor()
  assert.equal((await me(elsewhere))?.email, undefined, 'the other session is alive')
  await nextMail(`${name}@example.com`, /password/i)
})

test('my account: the address changes by the code, and the old address undoes it', async () => {
  const name = newName()
  await accountWithEmail(name)
  const page = await openAs('My account', name)
  const email = page.getByRole('region', { name: 'E-mail address' })
  const changed = `${name}.new@example.com`
  await email.getByLabel('New e-mail address').fill(changed)
  await email.getByRole('button', { name: 'Change', exact: true }).click()
  await email.getByText(changed).waitFor()
  await email.getByRole('button', { name: 'Cancel the change' }).click()
  await email.getByLabel('New e-mail address').fill(changed)
  await nextMail(changed)
  await email.getByRole('button', { name: 'Change', exact: true }).click()
  await email.getByLabel('Code of the mail').fill((await nextMail(changed)).code)
  await email.getByRole('button', { name: 'Confirm the change' }).click()
  await email.getByText('verified', { exact: true }).waitFor()
  await panel(page).getByText(changed).waitFor()

  await nextMail(`${name}@example.com`) // of the cancelled change
  const { page: owner } = await follow(await nextMail(`${name}@example.com`))
  await owner.getByText('All sessions end').waitFor()
  await assertAccessible(owner, 'undo')
  await owner.getByRole('button', { name: 'Undo the change' }).click()
  await owner.getByText('The change is undone.').waitFor()
  assert.equal(await tokenFor(name, password), '', 'the password is still there')
  const { page: reset } = await follow(await nextMail(`${name}@example.com`, /password/i))
  await reset.getByLabel('New password', { exact: true }).fill(another)
  await reset.getByRole('button', { name: 'Set password and sign in' }).click()
  await reset.getByText('You are signed in as').waitFor()
  assert.equal((await me(await tokenFor(name, another)))?.email, `${name}@example.com`)
})

test('a new address is confirmed by its link', async () => {
  const name = newName()
  const bearer = await accountWithEmail(name)
  const changed = `${name}.new@example.com`
  await graphql('mutation ($input: RequestEmailChangeInput!) { requestEmailChange(input: $input) { user { id } } }', { input: { email: changed } }, bearer)
  const { page } = await follow(await nextMail(changed))
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('is the address of your account now').waitFor()
  assert.equal((await me(await tokenFor(name, password)))?.email, changed)
})

test('my account: language, data, deletion and its end', async () => {
  const name = newName()
  const bearer = await accountWithEmail(name)
  const page = await openAs('My account', name)
  const language = page.getByRole('region', { name: 'Language' })
  await language.getByLabel('Language of mail').selectOption('Deutsch')
  await language.getByRole('button', { name: 'Save' }).click()
  await language.getByText('Saved.').waitFor()
  assert.equal((await me(bearer))?.locale, 'de')

  const downloads = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download my data' }).click()
  const download = await downloads
  assert.match(download.suggestedFilename(), /^usher-my-data-\d{4}-\d\d-\d\d\.json$/)
  const text = readFileSync(await download.path(), 'utf8')
  assert.ok(text.includes(name) && !text.includes('argon2'), text.slice(0, 400))

  await page.getByRole('button', { name: 'Delete my account' }).click()
  await page.getByRole('group', { name: 'Delete your account?' }).getByRole('button', { name: 'Yes' }).click()
  await page.getByRole('heading', { name: 'Your account will be deleted' }).waitFor()
  await assertAccessible(page, 'a deletion')
  assert.notEqual((await me(bearer))?.deletionAt, null)
  assert.match((await nextMail(`${name}@example.com`)).source, /Content-Language: de/)
  await page.getByRole('button', { name: 'Keep my account' }).click()
  await page.getByRole('heading', { name: 'Delete my account' }).waitFor()
  assert.equal((await me(bearer))?.deletionAt, null)
})

test('an administrator invites a user, and sees their mail', async () => {
  const admin = await openAsAdmin('users')
  const email = `${newName('guest')}@example.com`
  await admin.getByRole('button', { name: 'Invite user' }).click()
  const dialog = admin.getByRole('dialog', { name: 'Invite a user' })
  await assertAccessible(admin, 'an invitation')
  await dialog.getByRole('button', { name: 'Invite' }).click()
  await dialog.getByText('Enter an e-mail address.').waitFor()
  await dialog.getByLabel('E-mail').fill(email)
  await dialog.getByLabel('ADMIN').check()
  await dialog.getByRole('button', { name: 'Invite' }).click()
  await dialog.getByText('is on its way').waitFor()

  const { page } = await follow(await nextMail(email))
  const name = newName()
  await page.getByLabel('User name').fill('root')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.locator('[name=username][aria-invalid=true]').waitFor() // the link stays valid
  await page.getByLabel('User name').fill(name)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByText('The account is created.').waitFor()
  await go(page, 'Users') // with the role

  await admin.goto(`${url}/#/mails`)
  const row = admin.getByRole('row').filter({ hasText: email })
  await row.getByText('Invitation', { exact: true }).waitFor()
  await row.getByText('sent', { exact: true }).waitFor()
  await row.getByRole('button', { name: 'Details' }).click()
  await assertAccessible(admin, 'a mail')
  await admin.getByLabel('State').selectOption('failed')
  await admin.getByText('No mails match.').waitFor()
})

test('an administrator sends a password reset, and creates a user without a password', async () => {
  const name = newName()
  await accountWithEmail(name)
  const admin = await openAsAdmin(`users?search=${name}`)
  await admin.getByRole('rowheader').getByRole('link', { name }).click()
  const dialog = admin.getByRole('dialog', { name })
  await dialog.getByText('not verified').waitFor()
  await dialog.getByRole('button', { name: 'Send password reset' }).click()
  await dialog.getByText('on its way to the user').waitFor()
  await nextMail(`${name}@example.com`)
  await dialog.getByRole('button', { name: 'Close' }).click()

  const created = newName()
  await admin.getByRole('button', { name: 'New user' }).click()
  const form = admin.getByRole('dialog', { name: 'New user' })
  await form.getByLabel('User name').fill(created)
  await form.getByLabel('E-mail').fill(`${created}@example.com`)
  await form.getByRole('button', { name: 'Create' }).click()
  await admin.getByText('Account created.').waitFor()
  const { page } = await follow(await nextMail(`${created}@example.com`))
  await page.getByLabel('New password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Set password and sign in' }).click()
  await page.getByText('You are signed in as').waitFor()
})

test('the mailbox shows new mail by itself, and the HTML of a mail can do nothing to the page', async () => {
  const name = newName()
  await accountWithEmail(name)
  const page = await open('mailbox')
  await page.getByRole('heading', { name: 'Mailbox' }).waitFor()
  const before = await countMails(`${name}@example.com`)
  await requestReset(name)
  const item = page.getByRole('list', { name: 'Mails' }).getByRole('link').filter({ hasText: `${name}@example.com` })
  await item.waitFor()
  assert.equal(before, 0)
  await item.click()
  const frame = page.locator('iframe')
  await frame.contentFrame().getByRole('heading').first().waitFor()
  assert.equal(await frame.getAttribute('sandbox'), 'allow-popups allow-popups-to-escape-sandbox')
  await page.getByRole('button', { name: 'Text' }).click()
  await page.getByRole('article').getByRole('link').first().waitFor()
  await page.getByRole('button', { name: 'Source' }).click()
  await page.getByText('Message-ID:').waitFor()
  await assertAccessible(page, 'the source of a mail')
})

test('the administrator of the server is not needed to read mail, and other hosts get none', async () => {
  assert.notEqual(await signInAsAdmin(), '')
  const response = await fetch(`${url}/mailbox.json`, { headers: { Origin: 'https://evil.example' } })
  assert.equal(response.headers.get('access-control-allow-origin'), null)
  assert.equal(response.headers.get('cache-control'), 'no-store')
})
