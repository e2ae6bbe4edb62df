// What people do with the console. Arguments: the server's address, and the refresh token of an
// administrator whose sign-in is hours old. The server's access tokens live for a few seconds.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'

import {
  account, answered, countRefreshes, go, graphql, hold, logIn, newName, open, openAsAdmin, password, record, run,
  signUp, stored, until, url, visitor,
} from './browser.mjs'

/** @import { Page, Route } from 'playwright-core' */

const staleRefreshToken = process.argv[3] ?? ''

/** A page whose clock stands still, so that it takes its access token for a good one. @type {Page} */
let late
/** The access token of somebody who signed up at about the same time. */
let lateToken = ''

before(async () => {
  late = await (await visitor()).newPage()
  await late.clock.setFixedTime(new Date())
  await late.goto(`${url}/`)
  await signUp(late)
  lateToken = await account(newName())
})

/** The panel that signs in. @param {Page} page */
const panel = (page) => page.getByRole('complementary')

/** The row of an access rule. @param {Page} page @param {string} place */
const rule = (page, place) => page.locator(`[data-place="${place}"]`)

test('sign up, sign in, me in the editor, an expired token, sign out', async () => {
  const page = await open()
  const name = await signUp(page)
  await panel(page).getByRole('button', { name: 'Sign out' }).click()
  await logIn(page, name)
  await panel(page).getByRole('heading', { name }).waitFor()
  await panel(page).getByText('USER', { exact: true }).waitFor()

  await go(page, 'Editor')
  await run(page)
  await answered(page, name)

  const refreshes = countRefreshes(page)
  await page.getByRole('timer').getByText('expired').waitFor({ timeout: 30_000 })
  assert.equal(refreshes.count, 0, 'refreshed though nobody asked for anything')
  await run(page)
  await page.getByRole('timer').getByText(/expires in \d+ s/).waitFor()
  await answered(page, name)
  assert.equal(refreshes.count, 1)

  await panel(page).getByRole('button', { name: 'Sign out' }).click()
  await panel(page).getByLabel('Password').waitFor()
  await run(page)
  await answered(page, 'NO_TOKEN')
})

test('a reload keeps the sign-in, with one refresh', async () => {
  const page = await open()
  const name = await signUp(page)
  assert.equal(await page.evaluate(() => document.cookie), '', 'a script can read the refresh token')
  assert.ok(!(await stored(page)).includes('eyJ'), 'a token is stored')
  const refreshes = countRefreshes(page)
  await page.reload()
  await panel(page).getByRole('heading', { name }).waitFor()
  assert.equal(refreshes.count, 1)
})

test('access differs for nobody, a user and an administrator', async () => {
  const places = ['Query.me', 'Query.users', 'User.email', 'Mutation.deleteUser', 'UpdateUserInput.roles', 'Mutation.login']
  /** @param {Page} page */
  const states = async (page) => {
    await rule(page, 'Query.me').waitFor()
    return Promise.all(places.map((place) => rule(page, place).getAttribute('data-state')))
  }
  const page = await open('access')
  assert.deepEqual(await states(page), ['denied', 'denied', 'denied', 'denied', 'denied', 'allowed'])
  await page.goto(`${url}/#/`)
  await signUp(page)
  await go(page, 'Access')
  assert.deepEqual(await states(page), ['allowed', 'denied', 'own', 'denied', 'denied', 'allowed'])

  await page.getByLabel('Only what I can use').check()
  assert.equal(await rule(page, 'Query.users').count(), 0)
  await page.getByLabel('Filter the rules').fill('identity confirmed')
  await page.getByText('11 rules').waitFor()
  await page.getByLabel('Only what I can use').uncheck()
  await page.getByText('20 rules').waitFor()
  await rule(page, 'UpdateUserInput.roles').getByText('Role ADMIN; identity confirmed in the last hour').waitFor()

  const admin = await openAsAdmin('access')
  assert.deepEqual(await states(admin), ['allowed', 'allowed', 'allowed', 'allowed', 'allowed', 'allowed'])
  await go(admin, 'Start')
})

test('a page that cannot find out who is signed in says why, and tries again', async () => {
  const page = await open()
  const name = await signUp(page)
  /** @type {Parameters<Route['fulfill']>[0][]} */
  const answers = [
    { contentType: 'text/html', body: '<title>Welcome to this network</title>' },
    { json: { data: null, errors: [{ message: 'Too many at once.', extensions: { code: 'SERVICE_UNAVAILABLE', retryAfter: 3 } }] } },
  ]
  await page.route('**/graphql', (route) => route.fulfill(answers.shift()))
  await page.reload()
  await panel(page).getByRole('alert').getByText('not GraphQL').waitFor()
  assert.equal(await panel(page).getByLabel('Password').count(), 0, 'it asks for a password')
  await panel(page).getByRole('button', { name: 'Try again' }).click()
  await panel(page).getByRole('alert').getByText('Too many at once. Try again in 3 s.').waitFor()
  await page.unroute('**/graphql')
  await panel(page).getByRole('button', { name: 'Try again' }).click()
  await panel(page).getByRole('heading', { name }).waitFor()
})

test('a sign-in in another tab outlives the late answer to the page that asked who is signed in', async () => {
  const page = await (await visitor()).newPage()
  const release = await hold(page, 'ConsoleRefresh')
  const asked = page.waitForRequest('**/graphql')
  await page.goto(`${url}/`)
  await asked
  await page.evaluate(() => {
    new BroadcastChannel('usher-console').postMessage({
      session: 's',
      credentials: {
        accessToken: 'x', expiresIn: 900, expiresAt: Date.now() + 900_000, session: { id: 's' },
        user: { id: 'u', username: 'somebody else', roles: ['USER'] },
      },
    })
  })
  await panel(page).getByRole('heading', { name: 'somebody else' }).waitFor()
  const answer = page.waitForResponse('**/graphql')
  release()
  await (await answer).finished()
  await page.evaluate(() => navigator.locks.request('usher-cookie', () => undefined)) // after the page has dealt with it
  assert.equal(await panel(page).getByRole('heading', { name: 'somebody else' }).count(), 1)
})

test('what sets the cookie waits for the tab that is at it', async () => {
  const one = await open()
  const name = newName()
  await account(name)
  const two = await one.context().newPage()
  await two.goto(`${url}/`)
  await panel(two).getByLabel('Password').waitFor()
  await one.evaluate(() => new Promise((granted) => {
    void navigator.locks.request('usher-cookie', () => {
      granted(undefined)
      return new Promise((release) => { addEventListener('release', release) })
    })
  }))
  const sent = record(two)
  const waiting = () => two.evaluate(async () => (await navigator.locks.query()).pending?.length === 1)
  await logIn(two, name)
  await until(waiting)
  assert.equal(sent.length, 0)
  await one.evaluate(() => dispatchEvent(new Event('release')))
  await panel(two).getByRole('heading', { name }).waitFor()
  assert.deepEqual(sent, ['ConsoleLogIn'])
})

test('a request is not sent in another session than the one that asked', async () => {
  const page = await open()
  const name = await signUp(page)
  await go(page, 'Sessions')
  await page.getByText('this session').waitFor()
  const other = await graphql(
    'mutation ($i: LoginInput!) { login(input: $i) { refreshToken session { id } } }', { i: { identifier: name, password } },
  )
  const { login } = /** @type {{login: {refreshToken: string, session: {id: string}}}} */ (other.data)
  await page.getByRole('button', { name: 'Reload' }).click()
  await page.getByText('2 sessions').waitFor()
  await page.context().addCookies([{ name: 'usher_refresh', value: login.refreshToken, url, httpOnly: true, sameSite: 'Lax' }])
  await page.getByRole('timer').getByText('expired').waitFor({ timeout: 30_000 })
  const sent = record(page)
  await page.getByRole('button', { name: 'End all others' }).click()
  await page.getByRole('alert').getByText('You are in another session now').waitFor()
  await panel(page).getByTitle(login.session.id).waitFor({ state: 'attached' })
  assert.deepEqual(sent, ['ConsoleRefresh'])
})

test('sessions can be ended, one and all others', async () => {
  const page = await open('sessions')
  await page.getByText('Sign in to see this page.').waitFor()
  const name = await signUp(page)
  for (let n = 0; n < 3; n++) {
    await graphql('mutation ($i: LoginInput!) { login(input: $i) { expiresIn } }', { i: { identifier: name, password } })
  }
  await page.getByRole('button', { name: 'Reload' }).click()
  await page.getByText('4 sessions').waitFor()
  await page.getByRole('button', { name: /^End the session/ }).first().click()
  await page.getByText('3 sessions').waitFor()
  await page.getByRole('button', { name: 'End all others' }).click()
  await page.getByText('1 session', { exact: true }).waitFor()
  await page.getByText('this session').waitFor()
})

test('a session that is revoked elsewhere ends at the next request', async () => {
  const here = await open()
  const name = await signUp(here)
  const there = await open('sessions')
  await logIn(there, name)
  await there.getByRole('button', { name: 'End all others' }).click()
  await there.getByText('1 session', { exact: true }).waitFor()
  await go(here, 'Sessions')
  await here.getByRole('alert').getByText('Your session has ended').waitFor()
})

test('two tabs refresh once, and sign out together', async () => {
  const one = await open()
  const name = await signUp(one)
  const two = await one.context().newPage()
  await two.goto(`${url}/`)
  await panel(two).getByRole('heading', { name }).waitFor()
  const refreshes = countRefreshes(one, two)
  await one.getByRole('timer').getByText('expired').waitFor({ timeout: 30_000 })
  await two.getByRole('timer').getByText('expired').waitFor()
  await Promise.all([go(one, 'Sessions'), go(two, 'Sessions')])
  await Promise.all([one.getByText('this session').waitFor(), two.getByText('this session').waitFor()])
  assert.equal(refreshes.count, 1)
  await panel(two).getByRole('button', { name: 'Sign out' }).click()
  await panel(one).getByLabel('Password').waitFor()
})

test('a starter opens in the editor, and passwords are not kept', async () => {
  const page = await open()
  await page.getByRole('button', { name: /^SignUp/ }).click()
  await page.locator('.graphiql-query-editor').getByText('SignUp', { exact: true }).waitFor()
  await page.locator('.graphiql-editor-tool').getByText('four small green turtles').waitFor()
  await go(page, 'Start')
  await page.getByRole('button', { name: /^MySessions/ }).click()
  await page.locator('.graphiql-query-editor').getByText('MySessions', { exact: true }).waitFor()
  await until(async () => (await stored(page)).includes('MySessions'))
  assert.ok(!(await stored(page)).includes('turtles'), 'a password is stored')
})

test('the administrator finds, pages and sorts users', async () => {
  const name = newName('zz')
  await Promise.all(Array.from({ length: 21 }, (_, n) => account(`${name}n${String.fromCharCode(97 + n)}`)))
  const page = await openAsAdmin('users')
  await page.getByLabel('Search users').fill(name)
  const rows = page.locator('tbody tr')
  await page.getByRole('button', { name: 'User name' }).click()
  await rows.nth(19).getByText(`${name}nt`).waitFor()
  await rows.first().getByText(`${name}na`).waitFor()
  await page.getByRole('button', { name: 'Next' }).click()
  await rows.first().getByText(`${name}nu`).waitFor()
  assert.equal(await rows.count(), 1)
  await page.getByRole('button', { name: 'Back' }).click()
  await page.getByRole('button', { name: 'User name' }).click()
  await rows.first().getByText(`${name}nu`).waitFor()
  await page.getByLabel('Role').selectOption('ADMIN')
  await page.getByText('No users match.').waitFor()
})

test('the administrator disables, enables and deletes an account', async () => {
  const name = newName()
  const bearer = await account(name)
  const page = await openAsAdmin('users')
  await page.getByLabel('Search users').fill(name)
  await page.getByRole('rowheader').getByRole('link', { name }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Disable' }).click()
  await dialog.getByText('Account disabled').waitFor()
  await page.locator('tbody').getByText('disabled').waitFor()
  assert.match(JSON.stringify(await graphql('{ me { id } }', {}, bearer)), /ACCOUNT_DISABLED|SESSION_ENDED/)
  await dialog.getByRole('button', { name: 'Enable' }).click()
  await dialog.getByText('Account enabled').waitFor()
  await dialog.getByText('The user has no active sessions.').waitFor()
  assert.ok(await dialog.getByRole('button', { name: 'End all sessions' }).isDisabled())

  await dialog.getByRole('link', { name: /Audit log of/ }).click()
  await page.locator('tbody tr').getByText('Account disabled').waitFor()
  await page.getByText('Kinds of events').click()
  await page.getByLabel('Signed up').check()
  await page.locator('tbody tr').getByText('Signed up').waitFor()
  await until(async () => (await page.locator('tbody tr').count()) === 1)
  await page.getByLabel('User', { exact: true }).fill('nobody is called that')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByRole('alert').getByText('No user’s name').waitFor()
  await page.getByLabel('User', { exact: true }).fill('root')
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByText('No events match.').waitFor() // an operator created this account, so it did not sign up
  await page.getByRole('button', { name: 'All kinds' }).click()
  await page.locator('tbody tr').getByText('Account created').waitFor()

  await go(page, 'Users')
  await page.getByLabel('Search users').fill(name)
  await page.getByRole('rowheader').getByRole('link', { name }).click()
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await dialog.getByRole('button', { name: 'Yes' }).click()
  await page.getByText('No users match.').waitFor()
})

test('roles ask for the password of whoever signed in long ago', async () => {
  const name = newName()
  await account(name)
  const context = await visitor()
  await context.addCookies([{ name: 'usher_refresh', value: staleRefreshToken, url, httpOnly: true }])
  const page = await context.newPage()
  await page.goto(`${url}/#/access`)
  await rule(page, 'UpdateUserInput.roles').getByText('needs a recent confirmation').waitFor()
  await go(page, 'Users')
  await page.getByLabel('Search users').fill(name)
  await page.getByRole('rowheader').getByRole('link', { name }).click()
  await page.getByRole('checkbox', { name: 'ADMIN' }).check()
  const save = page.getByRole('button', { name: 'Save' })
  await save.click()

  const question = page.getByRole('dialog', { name: 'Confirm your identity to continue' })
  await question.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('dialog').getByRole('alert').waitFor()
  await save.click()
  await question.getByLabel('Password').fill('not the password at all')
  await question.getByRole('button', { name: 'Continue' }).click()
  await question.getByText(/wrong/).waitFor()
  await question.getByLabel('Password').fill(password)
  await question.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('Saved.').waitFor()
  await page.locator('tbody').getByText('USER, ADMIN').or(page.locator('tbody').getByText('ADMIN, USER')).first().waitFor()
  await page.keyboard.press('Escape')
  await go(page, 'Access')
  await rule(page, 'UpdateUserInput.roles').getByText('allowed', { exact: true }).waitFor()
})

test('a question for the password goes with its session, and what asked for it is not done', async () => {
  const name = newName()
  await account(name)
  const page = await openAsAdmin('users')
  await page.getByLabel('Search users').fill(name)
  await page.getByRole('rowheader').getByRole('link', { name }).click()
  const sent = record(page)
  await page.route('**/graphql', async (route) => {
    if (!route.request().postData()?.includes('ConsoleDeleteUser')) return route.fallback()
    await route.fulfill({ json: {
      data: null, errors: [{ message: 'Prove who you are.', extensions: { code: 'STEP_UP_REQUIRED', maxAge: 3600 } }],
    } })
  })
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Yes' }).click()
  const question = page.getByRole('dialog', { name: 'Confirm your identity to continue' })
  await question.getByLabel('Password').fill(password)

  const second = await page.context().newPage()
  await second.goto(`${url}/`)
  await panel(second).getByRole('button', { name: 'Sign out' }).click()
  await question.waitFor({ state: 'detached' })
  await logIn(second, 'root')
  await panel(page).getByRole('heading', { name: 'root' }).waitFor()
  await page.getByLabel('Search users').waitFor()
  assert.equal(await question.count(), 0)
  await page.getByRole('dialog', { name }).getByRole('button', { name: 'Delete' }).waitFor() // not asked again either
  assert.equal(sent.filter((name) => name === 'ConsoleDeleteUser').length, 1)
  assert.ok(!sent.includes('Reauthenticate'))
})

test('the editor of the next user has nothing of the former one but the text', async () => {
  const page = await open('editor')
  const former = await signUp(page)
  await run(page)
  await answered(page, former)
  await page.locator('.graphiql-query-editor').getByText('Me', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Headers' }).click()
  await page.locator('.graphiql-editor-tool .monaco-editor').last().click()
  await page.keyboard.type('{"X-Former": "secret')
  await page.locator('.graphiql-editor-tool').getByText('X-Former').waitFor()

  await panel(page).getByRole('button', { name: 'Sign out' }).click()
  await panel(page).getByLabel('Password').waitFor()
  await signUp(page)
  await page.locator('.graphiql-query-editor').getByText('Me', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Headers' }).click()
  assert.equal(await page.locator('.result-window').getByText(former).count(), 0, 'the answer is there')
  assert.equal(await page.getByText('X-Former').count(), 0, 'the headers are there')
  await run(page)
  await page.locator('.result-window').getByText('username').waitFor()
})

test('a token that the server finds expired is refreshed once for all requests', async () => {
  await until(async () => {
    const { errors } = await graphql('{ me { id } }', {}, lateToken)
    return errors?.[0]?.extensions.reason === 'TOKEN_EXPIRED'
  }, 90)
  const refreshes = countRefreshes(late)
  const refused = late.waitForResponse(async (response) => (await response.text()).includes('TOKEN_EXPIRED'))
  await go(late, 'Sessions')
  await refused
  await late.getByText('this session').waitFor()
  assert.equal(refreshes.count, 1)
})
