// The console of a server with a list of breached passwords. Argument: the server's address. The list has the password of root.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertAccessible, logIn, open, password } from './browser.mjs'

const hint = 'Your password is in a list of breached passwords.'
const another = 'nine silent copper foxes'

test('a user with a breached password is asked to change it', async () => {
  const page = await open()
  const panel = page.getByRole('complementary')
  await logIn(page, 'root')
  await panel.getByText(hint).waitFor()
  await assertAccessible(page, 'the hint at a breached password')
  await panel.getByRole('link', { name: 'Change it' }).click()
  const form = page.getByRole('region', { name: 'Password' })
  await form.getByLabel('Current password').fill(password)
  await form.getByLabel('New password').fill('five large purple whales') // which is in the list too
  await form.getByRole('button', { name: 'Change password' }).click()
  await form.getByText('published after a breach').waitFor()
  await form.getByLabel('New password').fill(another)
  await form.getByRole('button', { name: 'Change password' }).click()
  await form.getByText('Password changed.').waitFor()
  await panel.getByText(hint).waitFor({ state: 'detached' })
})

test('a user with another password is not', async () => {
  const page = await open()
  await logIn(page, 'root', another)
  await page.getByRole('complementary').getByRole('heading', { name: 'root' }).waitFor()
  assert.equal(await page.getByText(hint).count(), 0)
})
