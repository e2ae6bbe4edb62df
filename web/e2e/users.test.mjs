// Users and roles, for administrators. Arguments: the server's address. Its passwords have 17 characters.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import { account, assertAccessible, graphql, newName, openAsAdmin, password, record, signInAsAdmin, until, url } from './browser.mjs'

/** @import { Page } from 'playwright-core' */

/** The access token of the administrator. */
let root = ''

before(async () => {
  root = await signInAsAdmin()
  await graphql('mutation ($input: CreateRoleInput!) { createRole(input: $input) { role { name } } }', { input: { name: 'SUPPORT' } }, root)
})

/** The message below an input. @param {Page} page @param {string} name */
const note = (page, name) => page.locator('.field', { has: page.locator(`[name=${name}]`) }).locator('p')

/** The id of a user. @param {string} name */
async function idOf(name) {
  const { data } = await graphql('query ($name: String) { users(filter: { search: $name }) { edges { node { id } } } }', { name }, root)
  return /** @type {{users: {edges: {node: {id: string}}[]}}} */ (data).users.edges[0]?.node.id ?? ''
}

/** Signs a user in. Resolves to the access token. @param {string} name */
async function logInApart(name, secret = password) {
  const { data } = await graphql('mutation ($i: LoginInput!) { login(input: $i) { accessToken } }', { i: { identifier: name, password: secret } })
  return /** @type {{login: {accessToken: string}} | null} */ (data)?.login.accessToken ?? ''
}

test('an account is created, with errors at the fields and a generated password', async () => {
  const taken = newName()
  await account(taken)
  const page = await openAsAdmin('users?search=zzz')
  await page.getByText('No users match.').waitFor()
  await page.getByRole('link', { name: 'Show all users' }).click()
  await page.locator('tbody tr').first().waitFor()
  await page.getByRole('button', { name: 'New user' }).click()
  const dialog = page.getByRole('dialog', { name: 'New user' })
  await assertAccessible(page, 'a new user')
  const sent = record(page)
  const create = dialog.getByRole('button', { name: 'Create' })
  await create.click()
  assert.equal(await note(page, 'username').textContent(), 'Enter a user name or an e-mail address.')
  assert.equal(await note(page, 'password').textContent(), 'Enter or generate a password, or enter an e-mail address.')
  assert.deepEqual(sent, [])

  await dialog.getByLabel('User name').fill('a b')
  await dialog.getByLabel('E-mail').fill('nobody')
  await dialog.getByLabel('Password', { exact: true }).fill('short')
  await create.click()
  for (const name of ['username', 'email', 'password']) {
    await page.locator(`dialog [name=${name}][aria-invalid=true]`).waitFor()
    assert.match((await dialog.locator('.field', { has: page.locator(`[name=${name}]`) }).locator('.wrong').textContent()) ?? '', /./, name)
  }
  await assertAccessible(page, 'a refused new user')

  await dialog.getByRole('button', { name: 'Generate' }).click()
  const secret = await dialog.locator('[name=password]').inputValue()
  assert.equal(await dialog.locator('[name=password]').getAttribute('type'), 'text')
  assert.match(secret, /^([a-z2-9]{5}-){4}[a-z2-9]{5}$/)
  await dialog.getByRole('button', { name: 'Generate' }).click()
  const other = await dialog.locator('[name=password]').inputValue()
  assert.notEqual(other, secret)
  await dialog.getByLabel('E-mail').fill('')
  await dialog.getByLabel('User name').fill(taken)
  await create.click()
  await page.locator('[name=username][aria-invalid=true]:focus').waitFor()

  const name = newName()
  await dialog.getByLabel('User name').fill(name)
  await dialog.getByLabel('Full name').fill('Ada Lovelace')
  await dialog.getByRole('checkbox', { name: 'SUPPORT' }).check()
  assert.ok(await dialog.getByRole('checkbox', { name: 'USER' }).isDisabled())
  await create.click()
  await page.getByRole('dialog', { name }).getByText('Account created.').waitFor()
  assert.ok(page.url().includes(`user=${await idOf(name)}`))
  await page.goBack() // to the list, not to the form
  await page.getByRole('rowheader', { name }).waitFor()
  assert.equal(await page.getByRole('dialog').count(), 0)
  assert.match(await page.locator('tr', { hasText: name }).textContent() ?? '', /Ada Lovelace.*USER, SUPPORT.*never/)
  await logInApart(name, other).then(assert.ok)
})

test('a profile is edited, and only what was edited is sent', async () => {
  const name = newName()
  const bearer = await account(name)
  const userId = await idOf(name)
  await graphql('mutation ($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }', {
    input: { userId, fullName: 'Ada', metadata: { theme: { color: 'red', font: 'serif' }, tags: ['a'] } },
  }, root)
  // JavaScript has no such number, so it is a literal.
  await graphql(`mutation { updateUser(input: { userId: "${userId}", appMetadata: { plan: "free", big: 9007199254740993 } }) { user { id } } }`, {}, root)
  const read = async () => JSON.stringify((await graphql('query ($id: ID!) { user(id: $id) { fullName roles metadata } }', { id: userId }, root)).data)

  const page = await openAsAdmin(`users?user=${userId}`)
  const application = page.getByLabel('Application metadata')
  const own = page.getByLabel('User metadata')
  const save = page.getByRole('button', { name: 'Save' })
  const sent = record(page)
  for (const [text, message] of /** @type {const} */ ([
    ['{"plan": "pro"', /^This is not valid JSON\. /],
    ['["pro"]', /^Enter a JSON object/],
    ['{"plan": null}', /^“plan” is null/],
    ['{"plan": 9007199254740995}', /^A browser cannot keep all digits/],
  ])) {
    await application.fill(text)
    await save.click()
    await page.locator('[name=appMetadata][aria-invalid=true]:focus').waitFor()
    assert.match((await note(page, 'appMetadata').textContent()) ?? '', message)
  }
  assert.ok(!sent.includes('ConsoleUpdateUser'))
  await assertAccessible(page, 'a refused profile')

  // Too large for the server.
  await application.fill(JSON.stringify({ plan: 'x'.repeat(9000) }))
  await save.click()
  await page.locator('[name=appMetadata][aria-invalid=true]:focus').waitFor()
  assert.match((await note(page, 'appMetadata').textContent()) ?? '', /8/)

  await application.fill('{"plan": "pro", "big": 9007199254740992}') // as the browser shows it
  await own.fill('{"theme": {"color": "blue"}, "tags": ["a", "b"], "__proto__": {"x": {}}}')
  await page.getByLabel('Full name').fill('')
  await graphql('mutation { updateMe(input: { metadata: { meanwhile: true } }) { user { id } } }', {}, bearer)
  await save.click()
  await page.getByText('Saved.').waitFor()
  assert.equal(await read(), '{"user":{"fullName":null,"roles":["USER"],"metadata":' +
    '{"__proto__":{"x":{}},"meanwhile":true,"tags":["a","b"],"theme":{"color":"blue"}}}}')
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${root}` },
    body: JSON.stringify({ query: `{ user(id: "${userId}") { appMetadata } }` }),
  })
  assert.match(await response.text(), /"big":9007199254740993,"plan":"pro"/, 'the digits of a number that was not edited')
  await until(async () => (await own.inputValue()).includes('meanwhile'))
})

test('the sessions of a user are listed, paged and ended', async () => {
  const name = newName()
  const first = await account(name)
  const id = await idOf(name)
  const bearers = []
  for (let n = 0; n < 10; n++) bearers.push(await logInApart(name))
  const page = await openAsAdmin(`users?user=${id}`)
  const sessions = page.getByRole('region', { name: 'Sessions', exact: true })
  const rows = sessions.locator('tbody tr')
  await until(async () => (await rows.count()) === 10)
  assert.match((await rows.first().textContent()) ?? '', /^node.*127\.0\.0\.1/)
  await assertAccessible(page, 'the sessions of a user')
  await sessions.getByRole('button', { name: 'Next' }).click()
  await until(async () => (await rows.count()) === 1)
  await rows.getByRole('button', { name: 'End' }).click() // the oldest one
  await sessions.getByText('Sessions ended: 1.').waitFor()
  assert.match(JSON.stringify(await graphql('{ me { id } }', {}, first)), /SESSION_ENDED/)
  assert.doesNotMatch(JSON.stringify(await graphql('{ me { id } }', {}, bearers[0])), /errors/)
  await sessions.getByText('The user has no more sessions.').waitFor()
  await sessions.getByRole('button', { name: 'Back' }).click()
  await until(async () => (await rows.count()) === 10)
  await sessions.getByRole('button', { name: 'End all sessions' }).click()
  await sessions.getByText('Sessions ended: 10.').waitFor()
  await sessions.getByText('The user has no active sessions.').waitFor()
  assert.match(JSON.stringify(await graphql('{ me { id } }', {}, bearers[0])), /SESSION_ENDED/)
})

test('a role is created, edited, found from users and rules, and deleted after a confirmation', async () => {
  const name = newName('r').toUpperCase()
  const holder = newName()
  await account(holder)
  const page = await openAsAdmin('roles')
  await page.getByRole('button', { name: 'New role' }).click()
  const dialog = page.getByRole('dialog', { name: 'New role' })
  await assertAccessible(page, 'a new role')
  const create = dialog.getByRole('button', { name: 'Create' })
  await create.click()
  assert.equal(await note(page, 'name').textContent(), 'Enter a name.')
  await dialog.getByLabel('Name').fill('lower case')
  await dialog.getByLabel('Description').fill('x'.repeat(201))
  await dialog.getByLabel('Permissions').fill('Orders')
  await create.click()
  for (const field of ['name', 'description', 'permissions']) {
    await page.locator(`dialog [name=${field}][aria-invalid=true]`).waitFor()
  }
  assert.match((await note(page, 'permissions').textContent()) ?? '', /lower-case words/)
  await dialog.getByLabel('Description').fill('Reads orders.')
  await dialog.getByLabel('Permissions').fill('orders:write\norders:read')
  await dialog.getByLabel('Name').fill('ADMIN')
  await create.click()
  await page.locator('[name=name][aria-invalid=true]:focus').waitFor()
  await dialog.getByLabel('Name').fill(name)
  await create.click()
  const row = page.locator('tr', { has: page.getByRole('rowheader', { name }) })
  await row.getByText('orders:read, orders:write').waitFor()
  await dialog.waitFor({ state: 'detached' })

  await graphql('mutation ($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }', { input: { userId: await idOf(holder), roles: [name] } }, root)
  await row.getByRole('link', { name: 'Show users' }).click()
  await page.getByRole('rowheader', { name: holder }).waitFor()
  await until(async () => (await page.locator('tbody tr').count()) === 1)
  await page.goBack()

  await page.getByRole('link', { name, exact: true }).click()
  const details = page.getByRole('dialog', { name })
  await details.getByLabel('Permissions').fill('audit:read, orders:read')
  await details.getByRole('button', { name: 'Save' }).click()
  await details.getByText('Saved.').waitFor()
  await row.getByText('audit:read, orders:read').waitFor()
  await details.locator('summary', { hasText: 'audit:read' }).click()
  await details.getByText('Query.auditEvents').waitFor()
  await assertAccessible(page, 'a role')
  await details.getByLabel('Permissions').fill('orders:read')
  await details.getByRole('button', { name: 'Save' }).click()
  await row.getByText('orders:read', { exact: true }).waitFor()

  let stale = 1
  await page.route('**/graphql', async (route) => {
    if (stale === 0 || !route.request().postData()?.includes('ConsoleDeleteRole')) return route.fallback()
    stale--
    await route.fulfill({ json: {
      data: null, errors: [{ message: 'Confirm your identity.', extensions: { code: 'STEP_UP_REQUIRED', maxAge: 3600, methods: ['PASSWORD'] } }],
    } })
  })
  await details.getByRole('button', { name: 'Delete' }).click()
  await details.getByRole('button', { name: 'Yes' }).click()
  const question = page.getByRole('dialog', { name: 'Confirm your identity to continue' })
  await question.getByLabel('Password').fill(password)
  await question.getByRole('button', { name: 'Continue' }).click()
  await details.waitFor({ state: 'detached' })
  await row.waitFor({ state: 'detached' })
  assert.ok(!page.url().includes('role='))
})

test('what the server needs of a role stays', async () => {
  const page = await openAsAdmin('roles?search=administering')
  await page.getByText('1 role', { exact: true }).waitFor()
  const row = page.locator('tbody tr')
  await row.getByText('built in').waitFor()
  await row.getByRole('link', { name: 'ADMIN', exact: true }).click()
  const dialog = page.getByRole('dialog', { name: 'ADMIN' })
  await dialog.getByText('A built-in role cannot be deleted.').waitFor()
  assert.equal(await dialog.getByRole('button', { name: 'Delete' }).count(), 0)
  await dialog.getByLabel('Permissions').fill('')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.locator('[name=permissions][aria-invalid=true]:focus').waitFor()
  assert.match((await note(page, 'permissions').textContent()) ?? '', /in the schema requires the permission audit:read/)
  await page.keyboard.press('Escape')

  await row.getByRole('link', { name: /^\d+ rules$/ }).click()
  await page.locator('[data-place="Query.users"]').waitFor()
  assert.equal(await page.getByLabel('Required role').inputValue(), 'ADMIN')
  assert.equal(await page.locator('[data-place="Query.me"]').count(), 0)
  await page.goto(`${url}/#/roles?role=NOBODY`)
  await page.getByRole('dialog').getByText('No role has this name.').waitFor()
  await page.goto(`${url}/#/roles?search=nothing`)
  await page.getByText('No roles match.').waitFor()
  await page.getByRole('link', { name: 'Show all roles' }).click()
  await page.getByRole('rowheader', { name: 'SUPPORT' }).waitFor()
})
