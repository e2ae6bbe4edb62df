// A server that requires a second factor of all users at once. Argument: its address.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'

import { assertAccessible, go, graphql, logIn, open } from './browser.mjs'
import { accountWithEmail, nextMail } from './mails.mjs'
import { codeOf } from './totp.mjs'

test('a user who is out of time signs in with a mailed code and sets a factor up', async () => {
  const name = `late-${randomUUID().slice(0, 8)}`
  const email = `${name}@example.com`
  const token = await accountWithEmail(name)
  const send = (/** @type {string} */ query, variables = {}) => graphql(query, variables, token)
  await send('mutation { requestEmailVerification { user { id } } }')
  const { code } = await nextMail(email)
  const verified = await send('mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { email } }', { input: { code, email } })
  assert.equal(verified.errors, undefined)

  const page = await open()
  const panel = page.getByRole('complementary')
  await logIn(page, name)
  await panel.getByText('Your time to set up a second factor is over').waitFor()
  await assertAccessible(page, 'the second step without a factor')
  await panel.getByLabel('E-mail').fill(email)
  await panel.getByRole('button', { name: 'Email me a code' }).click()
  await panel.getByLabel('Code of the mail').fill((await nextMail(email)).code)
  await panel.locator('form').getByRole('button', { name: 'Sign in' }).click()
  await panel.getByRole('link', { name: 'Set it up' }).click()
  const banner = page.getByRole('status').filter({ hasText: 'Set up an authenticator app to use' })
  await banner.waitFor()
  await assertAccessible(page, 'an account without a required factor')
  await go(page, 'Sessions')
  await page.getByText('Set up a second factor to continue.').waitFor()

  await go(page, 'My account')
  const part = page.getByRole('region', { name: 'Two-step sign-in' })
  await part.getByRole('button', { name: 'Set up an authenticator app' }).click()
  const key = (await part.locator('.key code').textContent()) ?? ''
  await part.getByLabel('Code that the app shows').fill(codeOf(key))
  await part.getByRole('button', { name: 'Turn on' }).click()
  await part.getByRole('button', { name: 'I have kept them' }).click()
  await banner.waitFor({ state: 'detached' })
  await panel.getByText('Your account needs a second factor.').waitFor({ state: 'detached' })
  await go(page, 'Sessions')
  await page.getByText('this session').waitFor()
})
