// Signing in at a provider. Arguments: the address of a server with --dev, with the administrator root, and that of its
// provider, which is internal/e2e/provider.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'

import { assertAccessible, go, newName, open, openAsAdmin, password, signUp, stored, url, visitor } from './browser.mjs'
import { accountWithEmail } from './mails.mjs'
import { codeOf } from './totp.mjs'

/** @import { Page } from 'playwright-core' */

const provider = process.argv[3] ?? ''
const watch = { also: provider }

/** @param {Page} page */
const panel = (page) => page.getByRole('complementary')

/** @param {Page} page */
const linked = (page) => page.getByRole('region', { name: 'Linked accounts' })

/** Leaves for the provider. @param {Page} page */
const leave = (page) => page.getByRole('button', { name: 'Continue with Acme' }).click()

/** Signs in at the provider, for the first time. @param {Page} page @param {string} email */
async function signInThere(page, email) {
  await page.getByLabel('Address there').fill(email)
  await page.getByRole('button', { name: 'Log in there' }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
}

/** Waits until the panel shows a user. @param {Page} page @param {string} name */
const signedInAs = (page, name) => panel(page).getByRole('heading', { name }).waitFor()

/** @param {Page} page */
async function signOut(page) {
  await go(page, 'Start')
  await panel(page).getByRole('button', { name: 'Sign out' }).click()
}

/** Records the addresses that begin with a text. @param {Page} page @param {string} beginning */
function addresses(page, beginning) {
  /** @type {string[]} */
  const found = []
  page.on('request', (request) => { if (request.url().startsWith(beginning)) found.push(request.url()) })
  return found
}

test('somebody signs up at a provider, signs in again, and cannot unlink the only way in', async () => {
  const page = await open('access', {}, watch)
  const email = `${newName()}@example.com`
  await panel(page).getByRole('button', { name: 'Sign up' }).first().click()
  await leave(page)
  await signInThere(page, email)
  await signedInAs(page, email)
  assert.equal(page.url(), `${url}/#/access`, 'the view where the sign-in began, and no code')
  assert.doesNotMatch(await stored(page), /code/)
  await signOut(page)
  await leave(page) // the provider still knows who it is
  await signedInAs(page, email)

  await go(page, 'Sessions')
  await page.getByText('Account at a provider').first().waitFor()
  await go(page, 'My account')
  await linked(page).getByText(`${email}, linked`).waitFor()
  await linked(page).getByText('last used').waitFor()
  await linked(page).getByRole('button', { name: 'Unlink' }).click()
  await assertAccessible(page, 'the question before unlinking')
  await linked(page).getByRole('button', { name: 'Yes' }).click()
  await linked(page).getByRole('alert').getByText('You could no longer sign in.').waitFor()

  // As after a quarter of an hour: the user has no password.
  const extensions = { code: 'STEP_UP_REQUIRED', maxAge: 900, assurance: 'AAL1', methods: ['PASSWORD', 'EMAIL_CODE'] }
  await page.route('**/graphql', (route) => (route.request().postData()?.includes('ConsoleUnlinkIdentity')
    ? route.fulfill({ json: { data: null, errors: [{ message: 'Confirm your identity to continue.', extensions }] } })
    : route.continue()))
  await linked(page).getByRole('button', { name: 'Unlink' }).click()
  await linked(page).getByRole('button', { name: 'Yes' }).click()
  const question = page.getByRole('dialog', { name: 'Confirm your identity to continue' })
  await question.getByText('If your account has no password').waitFor()
  await question.getByRole('button', { name: 'Email me a code' }).waitFor()
  await question.getByRole('button', { name: 'Cancel' }).click()

  const admin = await openAsAdmin('users')
  await admin.getByLabel('Search users').fill(email)
  await admin.getByRole('rowheader').getByRole('link', { name: email }).click()
  await admin.getByRole('dialog').getByText(`Acme (${email})`).waitFor()
})

test('a user links an account, signs in with it after a second factor, and unlinks it', async () => {
  const page = await open('', {}, watch)
  const name = await signUp(page)
  await go(page, 'My account')
  await linked(page).getByRole('button', { name: 'Link an account at Acme' }).click()
  await signInThere(page, `${newName()}@example.com`)
  await page.getByText('You can sign in with it from now on.').waitFor()
  await assertAccessible(page, 'the end of a link')
  await page.getByRole('link', { name: 'Go to your account' }).click()
  await linked(page).getByRole('button', { name: 'Unlink' }).waitFor()
  await signOut(page)
  await leave(page)
  await signedInAs(page, name)

  await go(page, 'My account')
  const part = page.getByRole('region', { name: 'Two-step sign-in' })
  await part.getByRole('button', { name: 'Set up an authenticator app' }).click()
  const key = (await part.locator('.key code').textContent()) ?? ''
  await part.getByLabel('Code that the app shows').fill(codeOf(key))
  await part.getByRole('button', { name: 'Turn on' }).click()
  const [recoveryCode = ''] = await page.locator('.recovery-codes li').allTextContents()
  await signOut(page)
  await leave(page)
  await page.getByRole('button', { name: 'Use a recovery code' }).click()
  await page.getByLabel('Recovery code').fill('AAAA-BBBB-CCCC-DDDD')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByText('wrong or was used').waitFor()
  await assertAccessible(page, 'the second step after a provider')
  await page.getByLabel('Recovery code').fill(recoveryCode)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await signedInAs(page, name)

  await go(page, 'My account')
  await linked(page).getByRole('button', { name: 'Unlink' }).click()
  await linked(page).getByRole('button', { name: 'Yes' }).click()
  await linked(page).getByText('Account unlinked').waitFor()
  await linked(page).getByRole('button', { name: 'Unlink' }).waitFor({ state: 'detached' })
})

test('a sign-in that is cancelled or left with the back button can begin again, and ends once', async () => {
  const context = await visitor({}, { ...watch, expected: /status of 400/ })
  const page = await context.newPage()
  const email = `${newName()}@example.com`
  const callbacks = addresses(page, `${url}/auth/callback/`)
  const returns = addresses(page, `${url}/provider-login`)
  await page.goto(`${url}/`)
  await leave(page)
  await page.getByRole('button', { name: 'Cancel' }).waitFor()
  await page.goBack()
  await leave(page)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('alert').getByText('The sign-in was cancelled, or Acme refused it.').waitFor()
  await page.reload()
  await page.getByRole('alert').getByText('There is nothing to complete here.').waitFor()
  await leave(page)
  await signInThere(page, email)
  await signedInAs(page, email)
  assert.equal(page.url(), `${url}/#/`)

  await page.goto(returns.at(-1) ?? '')
  await page.getByRole('alert').getByText('This sign-in has expired or was completed.').waitFor()
  await page.getByText(`You are signed in as ${email}`).waitFor()
  assert.equal(page.url(), `${url}/#/provider-login`)
  await page.goto(callbacks.at(-1) ?? '')
  await page.getByRole('heading', { name: 'Sign-in not possible' }).waitFor()

  const stranger = await open('', {}, watch) // who has got the address from somebody
  await stranger.goto(returns.at(-1) ?? '')
  await stranger.getByRole('alert').first().waitFor()
  await stranger.getByLabel('Password').waitFor()
})

test('two tabs sign in at once', async () => {
  const context = await visitor({}, watch)
  const tabs = /** @type {const} */ ([await context.newPage(), await context.newPage()])
  const email = `${newName()}@example.com`
  for (const tab of tabs) {
    await tab.goto(`${url}/`)
    await leave(tab)
    await tab.getByLabel('Address there').waitFor()
  }
  const [one, other] = tabs
  await signInThere(one, email)
  await other.getByLabel('Address there').fill(email)
  await other.getByRole('button', { name: 'Log in there' }).click() // the user has allowed it in the other tab
  for (const tab of tabs) await signedInAs(tab, email)
})

test('an account with the same address is linked after a sign-in', async () => {
  const page = await open('', {}, watch)
  const name = newName()
  await accountWithEmail(name)
  await page.getByRole('button', { name: 'Continue with Acme' }).waitFor()
  await look(page, 'sign-in-with-provider')
  await leave(page)
  await signInThere(page, `${name}@example.com`)
  await page.getByText('An account here has the e-mail address').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Continue with Acme' }).count(), 0)
  await look(page, 'provider-not-linked')
  await page.getByLabel('User name or e-mail').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.locator('form').getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Do you want to link').waitFor()
  await look(page, 'provider-link')
  await page.getByRole('button', { name: 'Link', exact: true }).click()
  await page.getByText('You can sign in with it from now on.').waitFor()
  await page.getByRole('link', { name: 'Go to your account' }).click()
  await linked(page).getByText(`${name}@example.com, linked`).waitFor()
  await look(page, 'linked-accounts')
})

/** Looks at a page in both themes, wide and narrow. Takes pictures if PICTURES names a folder. @param {Page} page @param {string} name */
async function look(page, name) {
  const folder = process.env.PICTURES
  if (folder) mkdirSync(folder, { recursive: true })
  const wide = page.viewportSize() ?? { width: 1440, height: 900 }
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const size of [wide, { width: 390, height: 844 }]) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize(size)
      const what = `${name}-${colorScheme}-${String(size.width)}`
      await assertAccessible(page, what)
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(over <= 0, `${what} is ${String(over)} px too wide`)
      if (folder) await page.screenshot({ path: `${folder}/${what}.png`, animations: 'disabled', fullPage: true })
    }
  }
  await page.setViewportSize(wide)
}
