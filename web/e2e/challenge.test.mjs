// Proof of work in the console. Arguments: the server's address, and `real` if it requires proof of work after one
// failed sign-in. Otherwise the test asks for it in the server's place.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { account, assertAccessible, graphql, logIn, newName, open, password, until } from './browser.mjs'

/** @import { Page } from 'playwright-core' */

const real = process.argv[3] === 'real'

const message = /your browser is solving a short puzzle/

/** Makes a challenge with a known solution. @param {number} number */
function challenge(number) {
  const salt = `${randomBytes(12).toString('hex')}?expires=4000000000&field=Mutation.any&`
  const digest = createHash('sha256').update(`${salt}${String(number)}`).digest('hex')
  const shared = { algorithm: 'SHA-256', challenge: digest, salt, signature: 'signed' }
  return { ...shared, maxnumber: number, solved: { ...shared, number } }
}

/**
 * Asks for proof of work in the server's place, the first time that the page sends an operation.
 * @param {Page} page @param {string} operation @param {number} [number] the solution, which is the price
 */
async function ask(page, operation, number = 2_000_000) {
  const { solved, ...asked } = challenge(number)
  const error = { message: 'Solve the challenge first.', extensions: { code: 'CHALLENGE_REQUIRED', challenge: asked } }
  /** @type {unknown[]} */
  const solutions = []
  await page.route('**/graphql', async (route) => {
    /** @type {unknown} */
    const sent = JSON.parse(route.request().postData() ?? '')
    const { query, variables } = /** @type {{query: string, variables: {input: {challengeSolution?: string}}}} */ (sent)
    if (!query.includes(`mutation ${operation}(`)) {
      await route.fallback()
      return
    }
    const { challengeSolution } = variables.input
    solutions.push(challengeSolution && /** @type {unknown} */ (JSON.parse(atob(challengeSolution))))
    if (challengeSolution) await route.fallback()
    else await route.fulfill({ json: { data: null, errors: [error] } })
  })
  return { solutions, solved: [undefined, solved] }
}

/** @param {Page} page */
const panelOf = (page) => page.getByRole('complementary')

if (real) {
  test('a sign-in succeeds while many fail, and takes a puzzle', async () => {
    const name = newName()
    await account(name)
    const wrong = { input: { identifier: newName(), password: 'not the password of anybody' } }
    /** @type {{extensions: {code?: string}}[] | undefined} */
    let errors
    await until(async () => {
      errors = (await graphql('mutation ($input: LoginInput!) { login(input: $input) { expiresIn } }', wrong)).errors
      return errors?.[0]?.extensions.code === 'CHALLENGE_REQUIRED'
    })
    const page = await open()
    const answer = page.waitForResponse((response) => response.request().postData()?.includes('"challengeSolution":"') === true)
    await logIn(page, name)
    assert.equal((await answer).ok(), true)
    await panelOf(page).getByRole('heading', { name }).waitFor()
  })
} else {
  test('a sign-in solves the puzzle', async () => {
    const name = newName()
    await account(name)
    const page = await open()
    const { solutions, solved } = await ask(page, 'ConsoleLogIn')
    await logIn(page, name)
    await panelOf(page).getByRole('heading', { name }).waitFor()
    assert.deepEqual(solutions, solved)
  })

  test('the page says that it solves a puzzle, and the user can leave it', async () => {
    const page = await open()
    const { solutions } = await ask(page, 'ConsoleLogIn', 1e12)
    const status = panelOf(page).getByRole('status')
    const button = panelOf(page).locator('form').getByRole('button', { name: 'Sign in' })
    const before = await button.boundingBox()
    assert.equal(await status.textContent(), '')
    await logIn(page, 'nobody')
    await status.getByText(message).waitFor()
    assert.deepEqual(await button.boundingBox(), before, 'the button moved')
    await assertAccessible(page, 'a puzzle')
    await until(() => page.workers().length === 1)
    await panelOf(page).getByRole('button', { name: 'Sign up' }).click()
    await until(() => page.workers().length === 0)
    assert.deepEqual(solutions, [undefined])
    await panelOf(page).getByRole('group').getByRole('button', { name: 'Sign in' }).click()
    assert.equal(await panelOf(page).getByRole('alert').count(), 0)
    assert.equal(await panelOf(page).getByText(message).count(), 0)
  })

  test('a page without workers solves the puzzle itself', async () => {
    const name = newName()
    await account(name)
    const page = await open('', {}, { expected: /Failed to load resource/ })
    let refused = 0
    await page.route('**/assets/solver-*', async (route) => {
      refused++
      await route.abort()
    })
    const { solutions, solved } = await ask(page, 'ConsoleLogIn')
    await logIn(page, name)
    await panelOf(page).getByRole('heading', { name }).waitFor()
    assert.deepEqual(solutions, solved)
    assert.equal(refused, 1)
  })

  test('a sign-up solves the puzzle', async () => {
    const name = newName()
    const page = await open()
    const { solutions, solved } = await ask(page, 'ConsoleSignUp')
    await panelOf(page).getByRole('button', { name: 'Sign up' }).click()
    await panelOf(page).getByLabel('User name').fill(name)
    await panelOf(page).getByLabel('Password').fill(password)
    await panelOf(page).locator('form').getByRole('button', { name: 'Sign up' }).click()
    await panelOf(page).getByRole('heading', { name }).waitFor()
    assert.deepEqual(solutions, solved)
  })

  test('a sign-up that begins with a mail solves the puzzle', async () => {
    const page = await open()
    await page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('ConsoleSignUpMode')) await route.fulfill({ json: { data: { signupMode: 'VERIFIED' } } })
      else if (route.request().postData()?.includes('ConsoleRequestSignUp')) await route.fulfill({ json: { data: { requestSignup: { email: 'ada@example.com' } } } })
      else await route.fallback()
    })
    const { solutions, solved } = await ask(page, 'ConsoleRequestSignUp')
    await panelOf(page).getByRole('button', { name: 'Sign up' }).click()
    await panelOf(page).getByLabel('E-mail').fill('ada@example.com')
    await panelOf(page).getByRole('button', { name: 'Send the mail' }).click()
    await panelOf(page).getByText('A mail is on its way to').waitFor()
    assert.deepEqual(solutions, solved)
  })

  test('a request for a new password solves the puzzle', async () => {
    const page = await open()
    const { solutions, solved } = await ask(page, 'ConsoleRequestPasswordReset')
    await panelOf(page).getByRole('button', { name: 'Forgot your password?' }).click()
    await panelOf(page).getByLabel('User name or e-mail').fill('nobody')
    await panelOf(page).getByRole('button', { name: 'Send the mail' }).click()
    await panelOf(page).getByText('a mail is on its way').waitFor()
    assert.deepEqual(solutions, solved)
  })
}
