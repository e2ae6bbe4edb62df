// Passkeys, and signing in by mail. Argument: the address of a server with --dev at http://localhost, because passkeys need a
// domain.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertAccessible, go, logIn, newName, open, openAsAdmin, record, signUp, until, url, visitor } from './browser.mjs'
import { accountWithEmail, nextMail } from './mails.mjs'

/** @import { CDPSession, Page } from 'playwright-core' */

/** @param {Page} page */
const panel = (page) => page.getByRole('complementary')

/** @param {Page} page */
const part = (page) => page.getByRole('region', { name: 'Passkeys' })

/** @param {Page} page */
const question = (page) => page.getByRole('dialog', { name: 'Confirm your identity to continue' })

/** An authenticator of Chromium's, which verifies its user by itself. */
class Authenticator {
  /** What the browser was told of passkeys. @type {string[]} */
  signals = []
  #id

  /** @param {CDPSession} cdp @param {string} id */
  constructor(cdp, id) {
    this.cdp = cdp
    this.#id = id
    cdp.on('WebAuthn.credentialDeleted', () => this.signals.push('deleted'))
    cdp.on('WebAuthn.credentialUpdated', ({ credential }) => this.signals.push(`name ${credential.userName ?? ''}`))
  }

  /** @param {Page} page */
  static async of(page) {
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
        automaticPresenceSimulation: true, defaultBackupEligibility: true,
      },
    })
    return new Authenticator(cdp, authenticatorId)
  }

  async credentials() {
    return (await this.cdp.send('WebAuthn.getCredentials', { authenticatorId: this.#id })).credentials
  }

  /** @param {Awaited<ReturnType<Authenticator['credentials']>>[number]} credential */
  add = (credential) => this.cdp.send('WebAuthn.addCredential', { authenticatorId: this.#id, credential })

  /** @param {boolean} isUserVerified */
  verify = (isUserVerified) => this.cdp.send('WebAuthn.setUserVerified', { authenticatorId: this.#id, isUserVerified })

  /** @param {boolean} enabled */
  touch = (enabled) => this.cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId: this.#id, enabled })

  /** @param {boolean} backupState */
  async backUp(backupState) {
    for (const { credentialId } of await this.credentials()) {
      await this.cdp.send('WebAuthn.setCredentialProperties', { authenticatorId: this.#id, credentialId, backupEligibility: true, backupState })
    }
  }
}

/** Opens the console with an authenticator. The virtual one answers to autofill at once, so most tests do without autofill. */
async function openWithPasskeys({ autofill = false } = {}) {
  const context = await visitor()
  if (!autofill) {
    await context.addInitScript(() => {
      if (isSecureContext) PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false)
    })
  }
  const page = await context.newPage()
  const authenticator = await Authenticator.of(page)
  await page.goto(`${url}/`)
  return { page, authenticator }
}

/** Sets a passkey up, for a user who is signed in. @param {Page} page @param {string} name */
async function setUp(page, name) {
  await go(page, 'My account')
  await part(page).getByRole('button', { name: 'Set up a passkey' }).click()
  await part(page).getByLabel('Name of the passkey').fill(name)
  await part(page).getByRole('button', { name: 'Create passkey' }).click()
}

/** @param {Page} page */
async function signOut(page) {
  await go(page, 'Start')
  await panel(page).getByRole('button', { name: 'Sign out' }).click()
}

/** @param {Page} page */
const usePasskey = (page) => panel(page).getByRole('button', { name: 'Sign in with a passkey' }).click()

test('a passkey is set up and renamed, signs in without a user name, and is removed', async () => {
  const { page, authenticator } = await openWithPasskeys()
  await panel(page).getByRole('button', { name: 'Sign in with a passkey' }).waitFor()
  await assertAccessible(page, 'the sign-in')
  const name = await signUp(page)
  await authenticator.verify(false)
  await setUp(page, 'Laptop')
  await part(page).getByText('No passkey was created.').waitFor()
  await assertAccessible(page, 'a set-up that failed')
  await authenticator.verify(true)
  await part(page).getByRole('button', { name: 'Create passkey' }).click()
  await part(page).getByText('Your recovery codes').waitFor()
  await part(page).getByRole('button', { name: 'I have kept them' }).click()
  await until(() => authenticator.signals.includes(`name ${name}`), 10)
  await setUp(page, 'Twice')
  await question(page).getByRole('button', { name: 'Use a passkey' }).waitFor() // the session began with the password alone
  await assertAccessible(page, 'the question for a passkey')
  await authenticator.verify(false)
  await question(page).getByRole('button', { name: 'Use a passkey' }).click()
  await question(page).getByText('No passkey was used.').waitFor()
  await authenticator.verify(true)
  await question(page).getByRole('button', { name: 'Use a passkey' }).click()
  await part(page).getByText('already has a passkey').waitFor()
  await part(page).getByRole('button', { name: 'Cancel' }).click()
  await part(page).getByRole('button', { name: 'Rename Laptop' }).click()
  await part(page).getByLabel('Name of the passkey').fill('Work laptop')
  await part(page).getByRole('button', { name: 'Save' }).click()
  await part(page).getByText('Passkey renamed.').waitFor()
  await part(page).getByText('Work laptop').waitFor()
  await assertAccessible(page, 'the passkeys')

  await signOut(page)
  await authenticator.backUp(true)
  await authenticator.verify(false)
  await usePasskey(page)
  await panel(page).getByRole('alert').getByText('No passkey was used.').waitFor()
  await assertAccessible(page, 'a passkey that failed')
  await authenticator.verify(true)
  await usePasskey(page)
  await panel(page).getByRole('heading', { name }).waitFor()
  await go(page, 'Sessions')
  await page.locator('[data-current=true]').getByText(/^Passkey/).waitFor()
  await page.locator('[data-current=true]').getByText('two factors').waitFor()
  await signOut(page)
  await authenticator.backUp(false)
  await usePasskey(page)
  await panel(page).getByRole('heading', { name }).waitFor()

  const admin = await openAsAdmin('users')
  await admin.getByLabel('Search users').fill(name)
  await admin.getByRole('rowheader').getByRole('link', { name }).click()
  await admin.getByRole('dialog').getByText(/^Work laptop: last used/).waitFor()
  await admin.getByRole('dialog').getByRole('cell', { name: /^Passkey ?two factors/ }).first().waitFor()
  await assertAccessible(admin, 'the user with a passkey')

  await go(page, 'My account')
  const [kept] = await authenticator.credentials()
  assert.ok(kept)
  authenticator.signals.length = 0
  await part(page).getByRole('button', { name: 'Remove' }).click()
  await part(page).getByRole('button', { name: 'Yes' }).click()
  await part(page).getByText('Passkey removed.').waitFor()
  await until(() => authenticator.signals.includes('deleted'), 10)
  assert.deepEqual(await authenticator.credentials(), [])
  await signOut(page)
  await authenticator.add(kept) // as an authenticator that takes no hints
  await usePasskey(page)
  await panel(page).getByRole('alert').getByText('No account has this passkey.').waitFor()
  await until(async () => (await authenticator.credentials()).length === 0, 10)
})

test('the browser offers passkeys in the field for the user name, until another sign-in begins', async () => {
  const { page, authenticator } = await openWithPasskeys({ autofill: true })
  const name = await signUp(page)
  await setUp(page, 'Phone')
  await part(page).getByText('Your recovery codes').waitFor()
  const sent = record(page)
  await signOut(page)
  await until(() => sent.includes('ConsoleLogInWithPasskey'), 10)
  await panel(page).getByRole('heading', { name }).waitFor()
  await authenticator.touch(false) // nobody chooses a passkey
  const other = newName()
  await accountWithEmail(other)
  sent.length = 0
  await signOut(page)
  await until(() => sent.includes('ConsoleBeginPasskeyLogin'), 10)
  assert.equal(await panel(page).getByLabel('User name or e-mail').getAttribute('autocomplete'), 'username webauthn')
  await logIn(page, other, 'wrong')
  await panel(page).getByRole('alert').waitFor()
  await until(() => sent.filter((operation) => operation === 'ConsoleBeginPasskeyLogin').length === 2, 10)
  await logIn(page, other)
  await panel(page).getByRole('heading', { name: other }).waitFor()
  assert.ok(!sent.includes('ConsoleLogInWithPasskey'), sent.join())
})

test('a passkey is the second step after the password and after a mailed code', async () => {
  const { page, authenticator } = await openWithPasskeys()
  const name = newName()
  const email = `${name}@example.com`
  await accountWithEmail(name)
  await panel(page).getByRole('button', { name: 'Email me a code' }).click()
  await panel(page).getByLabel('E-mail').fill(email)
  await assertAccessible(page, 'the address for a code')
  await panel(page).locator('form').getByRole('button', { name: 'Email me a code' }).click()
  const code = panel(page).getByLabel('Code of the mail')
  await code.fill('000000')
  await code.press('Enter')
  await panel(page).locator('[name=code][aria-invalid=true]').waitFor()
  await assertAccessible(page, 'the code of a mail')
  await code.fill((await nextMail(email, /sign/i)).code)
  await code.press('Enter')
  await panel(page).getByRole('heading', { name }).waitFor()
  await go(page, 'Sessions')
  await page.locator('[data-current=true]').getByText('Code by mail').waitFor()
  await setUp(page, 'Key')
  await part(page).getByText('Your recovery codes').waitFor()
  await until(() => authenticator.signals.includes(`name ${email}`), 10)

  await signOut(page)
  await panel(page).getByRole('button', { name: 'Email me a code' }).click()
  await panel(page).getByLabel('E-mail').fill(email)
  await panel(page).getByLabel('E-mail').press('Enter')
  await code.fill((await nextMail(email, /sign/i)).code)
  await code.press('Enter')
  await panel(page).getByText('The code is right.').waitFor()
  await assertAccessible(page, 'the second step')
  await panel(page).getByRole('button', { name: 'Use a passkey' }).click()
  await panel(page).getByRole('heading', { name }).waitFor()
  await go(page, 'Sessions')
  await page.getByText('Code by mail, Passkey').waitFor()

  // An authenticator with the passkeys of two users would take any of them.
  const { page: another } = await openWithPasskeys()
  const other = await signUp(another)
  await setUp(another, 'Key')
  await part(another).getByText('Your recovery codes').waitFor()
  await signOut(another)
  await logIn(another, other)
  await panel(another).getByText('Your password is right.').waitFor()
  await panel(another).getByRole('button', { name: 'Use a passkey' }).click()
  await panel(another).getByRole('heading', { name: other }).waitFor()
})

test('the link of a mail signs in where the mail was asked for, and nowhere else', async () => {
  const name = newName()
  const email = `${name}@example.com`
  await accountWithEmail(name)
  const page = await open()
  await panel(page).getByRole('button', { name: 'Email me a code' }).click()
  await panel(page).getByLabel('E-mail').fill(email)
  await panel(page).getByLabel('E-mail').press('Enter')
  await panel(page).getByLabel('Code of the mail').waitFor()
  const { link } = await nextMail(email, /sign/i)
  const other = await (await visitor()).newPage()
  await other.goto(link)
  await other.getByText('works only in the browser where you asked for it').waitFor()
  assert.equal(await other.getByRole('button', { name: 'Sign in' }).count(), 0)
  await assertAccessible(other, 'the link in another browser')
  const tab = await page.context().newPage()
  const sent = record(tab)
  await tab.goto(link)
  await tab.getByRole('button', { name: 'Sign in' }).waitFor()
  await assertAccessible(tab, 'the link')
  assert.ok(!sent.includes('ConsoleLogInWithCode'), 'a link does nothing without a click')
  await tab.getByRole('button', { name: 'Sign in' }).click()
  await tab.getByText('You are signed in as').waitFor()
  await panel(page).getByRole('heading', { name }).waitFor() // the first tab
})

test('a mailed code confirms the identity of a user', async () => {
  const name = newName()
  const email = `${name}@example.com`
  await accountWithEmail(name)
  const page = await open()
  await logIn(page, name)
  await go(page, 'My account')
  // The server asks for a confirmation 15 minutes after the sign-in.
  let asked = false
  await page.route('**/graphql', (route) => {
    if (asked || !route.request().postData()?.includes('ConsoleBeginTotpSetup')) return route.continue()
    asked = true
    const extensions = { code: 'STEP_UP_REQUIRED', assurance: 'AAL1', maxAge: 900, methods: ['PASSWORD', 'EMAIL_CODE'] }
    return route.fulfill({ json: { data: null, errors: [{ message: 'Confirm your identity.', extensions }] } })
  })
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click()
  await question(page).getByRole('button', { name: 'Use a code by mail' }).click()
  await question(page).getByRole('button', { name: 'Email me a code' }).click()
  await question(page).getByLabel('Code of the mail').fill('000000')
  await question(page).getByRole('button', { name: 'Continue' }).click()
  await question(page).getByText('wrong or no longer valid').waitFor()
  await assertAccessible(page, 'the question for a mailed code')
  await question(page).getByLabel('Code of the mail').fill((await nextMail(email, /sign/i)).code)
  await question(page).getByRole('button', { name: 'Continue' }).click()
  await page.getByLabel('Code that the app shows').waitFor()
})
