// Signing in with two steps. Argument: the address of a server with --dev, with the administrator root.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertAccessible, go, logIn, open, openAsAdmin, signUp } from './browser.mjs'
import { codeOf } from './totp.mjs'

/** @import { Page } from 'playwright-core' */

/** @param {Page} page */
const panel = (page) => page.getByRole('complementary')

/** The codes that are shown once. @param {Page} page */
const shownCodes = (page) => page.locator('.recovery-codes li').allTextContents()

test('a user sets an app up, signs in with it and with recovery codes, and removes it', async () => {
  const page = await open()
  const name = await signUp(page)
  await go(page, 'My account')
  const part = page.getByRole('region', { name: 'Two-step sign-in' })
  await part.getByRole('button', { name: 'Set up an authenticator app' }).click()
  const picture = part.getByRole('img', { name: 'QR code' })
  await picture.waitFor()
  assert.ok(await picture.evaluate((image) => /** @type {HTMLImageElement} */ (image).naturalWidth > 0), 'the QR code is no image')
  await assertAccessible(page, 'the set-up')
  const key = (await part.locator('.key code').textContent()) ?? ''
  const confirm = async (/** @type {string} */ code) => {
    await part.getByLabel('Code that the app shows').fill(code)
    await part.getByRole('button', { name: 'Turn on' }).click()
  }
  await confirm(codeOf(key, 1000))
  await part.getByText('The code is wrong').waitFor()
  const code = codeOf(key)
  await confirm(`${code.slice(0, 3)} ${code.slice(3)}`)
  await part.getByText('Your recovery codes').waitFor()
  await assertAccessible(page, 'the recovery codes')
  const codes = await shownCodes(page)
  assert.equal(new Set(codes).size, 10)
  await part.getByRole('button', { name: 'I have kept them' }).click()
  await part.getByText('10 left').waitFor()
  assert.deepEqual(await shownCodes(page), [])

  // The session began with the password alone.
  await part.getByRole('button', { name: 'Make new codes' }).click()
  await part.getByRole('button', { name: 'Yes' }).click()
  const question = page.getByRole('dialog', { name: 'Confirm your identity to continue' })
  await question.getByRole('button', { name: 'Use a recovery code' }).click()
  assert.equal(await question.getByLabel('Password').count(), 0, 'the password will not do')
  await question.getByLabel('Recovery code').fill('AAAA-BBBB-CCCC-DDDD')
  await question.getByRole('button', { name: 'Continue' }).click()
  await question.getByText('wrong or was used').waitFor()
  await assertAccessible(page, 'the question for a code')
  await question.getByLabel('Recovery code').fill(codes[0] ?? '')
  await question.getByRole('button', { name: 'Continue' }).click()
  await part.getByText('Your recovery codes').waitFor()
  const next = await shownCodes(page)
  assert.equal(new Set([...codes, ...next]).size, 20)

  await go(page, 'Start')
  await panel(page).getByRole('button', { name: 'Sign out' }).click()
  await logIn(page, name)
  const app = panel(page).getByLabel('Code of your authenticator app')
  await app.waitFor()
  assert.ok(await app.evaluate((input) => input === document.activeElement), 'the field has no focus')
  await app.fill(code) // which was used
  await panel(page).locator('form').getByRole('button', { name: 'Sign in' }).click()
  await panel(page).getByText('wrong or was used').waitFor()
  await assertAccessible(page, 'the second step')
  await panel(page).getByRole('button', { name: 'Back' }).click()
  await logIn(page, name)
  await app.fill(codeOf(key, 1))
  await app.press('Enter')
  await panel(page).getByRole('heading', { name }).waitFor()
  await go(page, 'Sessions')
  await page.getByText('Password, Authenticator app').waitFor()
  await page.getByText('two factors').waitFor()

  await panel(page).getByRole('button', { name: 'Sign out' }).click()
  await logIn(page, name)
  await panel(page).getByRole('button', { name: 'Use a recovery code' }).click()
  await panel(page).getByLabel('Recovery code').fill((next[0] ?? '').toLowerCase())
  await panel(page).locator('form').getByRole('button', { name: 'Sign in' }).click()
  await panel(page).getByRole('heading', { name }).waitFor()

  const admin = await openAsAdmin('users')
  await admin.getByLabel('Search users').fill(name)
  await admin.getByRole('rowheader').getByRole('link', { name }).click()
  await admin.getByRole('dialog').getByText('Recovery codes: 9 left').waitFor()
  await admin.getByRole('dialog').getByText(/^Authenticator app: last used/).waitFor()

  await go(page, 'My account')
  await part.getByText('9 left').waitFor()
  await part.getByRole('button', { name: 'Remove' }).click()
  await part.getByRole('button', { name: 'Yes' }).click()
  await part.getByText('Authenticator app removed.').waitFor()
  await part.getByRole('button', { name: 'Set up an authenticator app' }).waitFor()
  assert.equal(await part.getByText('left').count(), 0)
})

test('a sign-in that takes too many codes begins again', async () => {
  const page = await open()
  const name = await signUp(page)
  await go(page, 'My account')
  const part = page.getByRole('region', { name: 'Two-step sign-in' })
  await part.getByRole('button', { name: 'Set up an authenticator app' }).click()
  const key = (await part.locator('.key code').textContent()) ?? ''
  await part.getByLabel('Code that the app shows').fill(codeOf(key))
  await part.getByRole('button', { name: 'Turn on' }).click()
  await part.getByText('Your recovery codes').waitFor()
  await panel(page).getByRole('button', { name: 'Sign out' }).click()
  await logIn(page, name)
  const app = panel(page).getByLabel('Code of your authenticator app')
  for (let n = 0; n < 5; n++) {
    await app.fill(codeOf(key, 1000 + n))
    const answer = page.waitForResponse('**/graphql')
    await app.press('Enter')
    await (await answer).finished()
    await panel(page).getByText('wrong or was used').waitFor()
  }
  await app.fill(codeOf(key, 1))
  await app.press('Enter')
  await panel(page).getByRole('alert').getByText('Sign in again').waitFor()
  await panel(page).getByLabel('Password').waitFor()

  // The user has lost the phone.
  const admin = await openAsAdmin('users')
  await admin.getByLabel('Search users').fill(name)
  await admin.getByRole('rowheader').getByRole('link', { name }).click()
  const dialog = admin.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Remove second factors' }).click()
  await assertAccessible(admin, 'the question of a reset')
  await dialog.getByRole('button', { name: 'Yes' }).click()
  await dialog.getByText('Second factors removed and sessions ended.').waitFor()
  assert.equal(await dialog.getByRole('button', { name: 'Remove second factors' }).count(), 0)
  await logIn(page, name)
  await panel(page).getByRole('heading', { name }).waitFor()
})
