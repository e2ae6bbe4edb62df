// Sign-up in the modes of a server. Arguments: the server's address, and the value of --signup.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertAccessible, newName, open, password, visitor } from './browser.mjs'
import { nextMail } from './mails.mjs'

const mode = process.argv[3] ?? ''

/** Opens the tab of the account panel that signs up. */
async function openSignUp() {
  const page = await open()
  const panel = page.getByRole('complementary')
  await panel.getByRole('group').getByRole('button', { name: 'Sign up' }).click()
  return { page, panel }
}

/** Asks for the mail that completes a sign-up. @param {string} email */
async function request(email) {
  const { page, panel } = await openSignUp()
  await panel.getByLabel('E-mail').fill(email)
  await panel.getByRole('button', { name: 'Send the mail' }).click()
  await panel.getByText('A mail is on its way to').waitFor()
  return { page, panel }
}

if (mode === 'verified') {
  test('an account is created with the code of the mail', async () => {
    const name = newName()
    const { page, panel } = await request(`${name}@example.com`)
    await assertAccessible(page, 'the code of a sign-up')
    await panel.getByLabel('Code of the mail').fill((await nextMail(`${name}@example.com`)).code)
    await panel.getByLabel('User name').fill(name)
    await panel.getByLabel('Password').fill(password)
    await panel.getByRole('button', { name: 'Create account' }).click()
    await panel.getByRole('heading', { name }).waitFor()
  })

  test('an account is created with the link of the mail', async () => {
    const email = `${newName()}@example.com`
    await request(email)
    const page = await (await visitor()).newPage()
    await page.goto((await nextMail(email)).link)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByText('The account is created.').waitFor()

    // The owner of an address that has an account gets a mail that says so. The page says the same as before.
    await request(email)
    assert.equal((await nextMail(email)).code, '')
  })
} else {
  test(`sign-up in the mode ${mode} says why not`, async () => {
    const { page, panel } = await openSignUp()
    await panel.getByText(mode === 'invite' ? 'You need an invitation' : 'Nobody can sign up here').waitFor()
    await assertAccessible(page, mode)
    assert.equal(await panel.locator('form').count(), 0)
  })
}
