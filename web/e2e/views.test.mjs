// The addresses, titles and forms of the views. Arguments: the server's address. Its passwords have 17 characters.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  account, assertAccessible, go, logIn, newName, open, openAsAdmin, password, record, signUp, until, url,
} from './browser.mjs'

/** @import { Page } from 'playwright-core' */

/** The panel that signs in. @param {Page} page */
const panel = (page) => page.getByRole('complementary')

/** The message below an input. @param {Page} page @param {string} name */
const note = (page, name) => page.locator('.field', { has: page.locator(`[name=${name}]`) }).locator('p')

test('a wrong password is told', async () => {
  const page = await open()
  const name = newName()
  await account(name)
  await logIn(page, name, 'not the password at all')
  await page.getByRole('alert').getByText(/password/).waitFor()
  await logIn(page, name)
  await panel(page).getByRole('heading', { name }).waitFor()
})

test('sign-up errors stand under their fields', async () => {
  const page = await open()
  const taken = newName()
  await account(taken)
  await panel(page).getByRole('group').getByRole('button', { name: 'Sign up' }).click()
  await panel(page).getByLabel('User name').fill(taken)
  await panel(page).getByLabel('E-mail').fill('nobody')
  await panel(page).getByLabel('Password').fill('short')
  const submit = panel(page).locator('form').getByRole('button', { name: 'Sign up' })
  await submit.click()
  await page.locator('[name=password][aria-invalid=true]').waitFor()
  for (const name of ['email', 'password']) {
    const field = page.locator('.field', { has: page.locator(`[name=${name}][aria-invalid=true]`) })
    assert.match((await field.locator('.wrong').textContent()) ?? '', /./, name)
  }
  await panel(page).getByLabel('E-mail').fill('')
  await panel(page).getByLabel('Password').fill(password)
  await submit.click()
  await page.locator('[name=username][aria-invalid=true]:focus').waitFor()
})

test('an empty form is not sent, and says what is missing', async () => {
  const page = await open()
  await panel(page).getByLabel('Password').waitFor()
  const sent = record(page)
  await panel(page).locator('form').getByRole('button', { name: 'Sign in' }).click()
  await page.locator('[name=identifier][aria-invalid=true]:focus').waitFor()
  assert.equal(await note(page, 'identifier').textContent(), 'Enter your user name or e-mail address.')
  assert.equal(await note(page, 'password').textContent(), 'Enter your password.')
  await panel(page).getByLabel('User name or e-mail').fill('somebody')
  await panel(page).locator('form').getByRole('button', { name: 'Sign in' }).click()
  await page.locator('[name=password][aria-invalid=true]:focus').waitFor()
  await assertAccessible(page, 'a refused form')

  await panel(page).getByRole('group').getByRole('button', { name: 'Sign up' }).click()
  await panel(page).getByLabel('Password').fill('four small green turtles')
  await panel(page).locator('form').getByRole('button', { name: 'Sign up' }).click()
  await page.locator('[name=username][aria-invalid=true]:focus').waitFor()
  assert.deepEqual(sent, ['ConsoleSignUpMode'])
  await signUp(page) // the messages do not stay
})

test('the sign-up form says the server’s minimum length of a password', async () => {
  const page = await open()
  await panel(page).getByRole('group').getByRole('button', { name: 'Sign up' }).click()
  assert.match((await note(page, 'password').textContent()) ?? '', /^At least 17 characters\./)
  assert.equal(await page.locator('[name=password]').getAttribute('minlength'), '17')
  for (const [name, autocomplete] of [['username', 'username'], ['email', 'email'], ['password', 'new-password'], ['fullName', 'name']]) {
    assert.equal(await page.locator(`[name=${name ?? ''}]`).getAttribute('autocomplete'), autocomplete)
  }
})

test('a password can be shown and hidden', async () => {
  const page = await open()
  const input = panel(page).getByLabel('Password')
  await input.fill('a secret')
  const show = page.getByRole('button', { name: 'Show password' })
  assert.equal(await show.getAttribute('aria-pressed'), 'false')
  await show.click()
  assert.deepEqual([await show.getAttribute('aria-pressed'), await input.getAttribute('type'), await input.inputValue()], ['true', 'text', 'a secret'])
  await show.click()
  assert.equal(await input.getAttribute('type'), 'password')
})

test('each view has a title, and an address without a view says so', async () => {
  const page = await openAsAdmin('')
  assert.equal(await page.title(), 'Usher')
  for (const title of ['Access', 'Sessions', 'Dashboard', 'Users', 'Roles', 'Audit', 'Clients', 'Keys', 'Editor']) {
    await go(page, title)
    await until(async () => (await page.title()) === `${title} – Usher`, 10)
  }
  for (const name of ['nowhere', 'constructor']) {
    await page.goto(`${url}/#/${name}`)
    await page.getByRole('heading', { name: 'Not found' }).waitFor()
    assert.equal(await page.title(), 'Not found – Usher')
  }
  await assertAccessible(page, 'not found')
  await page.getByRole('link', { name: 'Go to the start view' }).click()
  await page.getByRole('heading', { name: 'Start' }).waitFor()
})

test('an address has the filters and the selected user, and the history leads back', async () => {
  const name = newName('qq')
  await account(name)
  await account(`${name}b`)
  const page = await openAsAdmin(`users?search=${name}&order=USERNAME&role=impossible`)
  await page.locator('tbody tr').nth(1).waitFor()
  assert.equal(await page.getByLabel('Search users').inputValue(), name)
  assert.equal(await page.getByLabel('Role').inputValue(), '')
  assert.equal(await page.locator('th[aria-sort=ascending]').textContent(), 'User name')

  await page.getByLabel('Status').selectOption('Disabled')
  await page.getByText('No users match.').waitFor()
  assert.ok(page.url().includes('status=disabled'))
  await page.goBack()
  await page.getByRole('link', { name, exact: true }).click()
  const dialog = page.getByRole('dialog', { name, exact: true })
  await dialog.waitFor()
  const address = page.url()
  await page.goBack()
  await dialog.waitFor({ state: 'detached' })
  await page.goForward()
  await dialog.waitFor()
  await page.reload()
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.ok(!page.url().includes('user='))

  await page.getByLabel('Search users').fill('nobody at all')
  await page.getByText('No users match.').waitFor()
  await page.goBack() // letters are no entries of their own
  assert.equal(page.url(), address)

  await page.goto(`${url}/#/users?user=00000000-0000-7000-8000-000000000000`)
  await page.getByRole('dialog').getByText('No user has this ID.').waitFor()
  await page.goto(`${url}/#/audit?kind=USER_CREATED`)
  await page.locator('tbody tr').getByText('Account created').first().waitFor()
  await page.getByText('Kinds of events: Account created').waitFor()
  await page.goto(`${url}/#/access?filter=Query.users&only=mine`)
  await page.getByText('1 rule', { exact: true }).or(page.getByText(/^\d+ rules$/)).waitFor()
  assert.ok(await page.getByLabel('Only what I can use').isChecked())
})

test('everything can be reached by the keyboard', async () => {
  const page = await open()
  await page.getByLabel('User name or e-mail').waitFor()
  const seen = []
  for (let n = 0; n < 14; n++) {
    await page.keyboard.press('Tab')
    seen.push(await page.evaluate(() => {
      const { ariaLabel, textContent } = document.activeElement ?? document.body
      return ariaLabel ?? (textContent === '' ? document.activeElement?.getAttribute('name') : textContent)
    }))
  }
  assert.deepEqual(seen, [
    'Usher', 'Start', 'Editor', 'Mailbox', 'Access', 'Account', 'Dark theme', 'Sign in', 'Sign up', 'identifier', 'password',
    'Show password', 'Sign in', 'Forgot your password?',
  ])
})

test('the account panel can be folded, and stays so', async () => {
  const page = await open('access')
  const toggle = page.getByRole('button', { name: 'Account' })
  await panel(page).getByLabel('Password').waitFor()
  const width = async () => (await page.locator('main').boundingBox())?.width
  const beside = await width()
  await toggle.click()
  assert.equal(await toggle.getAttribute('aria-expanded'), 'false')
  assert.equal(await panel(page).count(), 0)
  assert.equal(await width(), 1440)
  await page.reload()
  await page.getByRole('heading', { name: 'Access' }).waitFor()
  assert.equal(await panel(page).count(), 0)
  await toggle.click()
  assert.equal(await width(), beside)
})

test('the panel takes no room from the editor of a small window', async () => {
  const page = await open('', { viewport: { width: 1024, height: 768 } })
  const name = await signUp(page)
  await go(page, 'Editor')
  await page.locator('.graphiql-query-editor .view-line').first().waitFor()
  assert.equal(await panel(page).count(), 0)
  assert.equal((await page.locator('main').boundingBox())?.width, 1024)
  await page.getByRole('button', { name }).click()
  await panel(page).getByRole('button', { name: 'Sign out' }).waitFor()
})

test('the editor of a phone has the documentation and the history', async () => {
  const page = await open('editor', { viewport: { width: 390, height: 844 } })
  await page.locator('.graphiql-query-editor .view-line').first().waitFor()
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click()
  const docs = page.locator('.graphiql-plugin')
  await docs.getByRole('link', { name: 'Query' }).click()
  await docs.getByText('The signed-in user.').waitFor()
  const box = await docs.boundingBox()
  assert.ok(box && box.x >= 0 && box.x + box.width <= 390 && box.width > 350 && box.height > 200, JSON.stringify(box))
  const editor = await page.locator('.graphiql-query-editor').boundingBox()
  assert.ok(editor && editor.height > 60, JSON.stringify(editor))
  await page.getByRole('button', { name: 'Show History' }).click()
  await docs.getByText('History').first().waitFor()
  await assertAccessible(page, 'the history on a phone')
})

test('ids are short, and are copied as a whole', async () => {
  const page = await open('sessions', { permissions: ['clipboard-read', 'clipboard-write'] })
  await logIn(page, await signUpApart())
  const id = page.locator('.sessions .id').first()
  await id.waitFor()
  const whole = await id.locator('code').getAttribute('title')
  assert.match(whole ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(await id.locator('code').textContent(), `…${whole?.slice(-8) ?? ''}`)
  await id.getByRole('button', { name: 'Copy the session ID' }).click()
  await id.getByText('Copied.').waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), whole)

  assert.equal(await panel(page).locator('.id').first().isVisible(), false)
  await panel(page).getByText('IDs').click()
  await panel(page).getByRole('button', { name: 'Copy the user ID' }).waitFor()
})

/** Makes an account. Resolves to its name. */
async function signUpApart() {
  const name = newName()
  await account(name)
  return name
}

test('a table that loads says so in its place, and nothing jumps', async () => {
  const page = await openAsAdmin('')
  let release = /** @type {() => void} */ (() => undefined)
  /** @type {Promise<void>} */
  const released = new Promise((resolve) => { release = resolve })
  await page.route('**/graphql', async (route) => {
    await released
    await route.continue()
  })
  await go(page, 'Audit')
  const table = page.getByRole('region', { name: 'Table of events' })
  await table.getByRole('status').getByText('Loading').waitFor({ state: 'attached' })
  assert.equal(await table.getAttribute('aria-busy'), 'true')
  const head = await table.locator('thead').boundingBox()
  await assertAccessible(page, 'a table that loads')
  release()
  await table.locator('tbody tr').first().waitFor()
  assert.equal((await table.locator('thead').boundingBox())?.y, head?.y)
  assert.equal(await table.getAttribute('aria-busy'), 'false')
})
