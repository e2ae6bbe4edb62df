// The browser, what is watched in it, and how people move through the console.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after } from 'node:test'

import { chromium } from 'playwright-core'

/** @import { Browser, BrowserContextOptions, Page } from 'playwright-core' */
/** @import { AxeResults } from 'axe-core' */

/** The server under test. */
export const url = process.argv[2] ?? 'http://127.0.0.1:8080'

export const password = 'four small green turtles'

/** No name but this machine's can be found, as if the network was unplugged. */
const args = ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost']
if (process.getuid?.() === 0) args.push('--no-sandbox') // Chromium refuses its sandbox to root

/** @type {Browser} */
export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', args })

/** What no page may do: complain in its console, break the policy, ask another host. @type {string[]} */
const faults = []

after(async () => {
  await browser.close()
  assert.deepEqual(faults, [])
})

/**
 * Opens a browser of its own, in which everything is watched.
 * @param {BrowserContextOptions} [options]
 * @param {{ at?: string, also?: string, expected?: RegExp }} [watch] the server, another one that pages may ask, and what the browser may complain about
 */
export async function visitor(options, { at = url, also = at, expected } = {}) {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1440, height: 900 }, ...options })
  context.setDefaultTimeout(15_000)
  context.on('console', (message) => {
    if (!expected?.test(message.text())) faults.push(`${message.type()}: ${message.text()}`)
  })
  context.on('weberror', (error) => faults.push(String(error.error())))
  context.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && ![at, also].some((server) => request.url().startsWith(`${server}/`))) faults.push(`asks ${request.url()}`)
  })
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`)
    })
  })
  return context
}

/**
 * Opens a view in a browser of its own.
 * @param {string} [view] @param {BrowserContextOptions} [options] @param {Parameters<typeof visitor>[1]} [watch]
 */
export async function open(view = '', options, watch) {
  const page = await (await visitor(options, watch)).newPage()
  await page.goto(`${watch?.at ?? url}/#/${view}`)
  return page
}

/** Goes to a view by the bar. Resolves when the view has replaced the one before. @param {Page} page @param {string} title */
export async function go(page, title) {
  const bar = page.getByRole('navigation', { name: 'Views' })
  await bar.getByRole('link', { name: title, exact: true }).click()
  await bar.locator('[aria-current=page]').getByText(title, { exact: true }).waitFor()
}

let accounts = 0

/** A name that nobody has. @param {string} [beginning] */
export const newName = (beginning = 'user') => `${beginning}${String(process.pid)}x${String(++accounts)}`

/** Signs a new user up with the panel. @param {Page} page */
export async function signUp(page, name = newName()) {
  const panel = page.getByRole('complementary')
  await panel.getByRole('group').getByRole('button', { name: 'Sign up' }).click()
  await panel.getByLabel('User name').fill(name)
  await panel.getByLabel('Password').fill(password)
  await panel.locator('form').getByRole('button', { name: 'Sign up' }).click()
  await panel.getByRole('heading', { name }).waitFor()
  return name
}

/** Logs in with the panel. @param {Page} page @param {string} name */
export async function logIn(page, name, secret = password) {
  const panel = page.getByRole('complementary')
  await panel.getByLabel('User name or e-mail').fill(name)
  await panel.getByLabel('Password').fill(secret)
  await panel.locator('form').getByRole('button', { name: 'Sign in' }).click()
}

/**
 * Opens a view as the administrator.
 * @param {string} view @param {BrowserContextOptions} [options] @param {Parameters<typeof visitor>[1]} [watch]
 */
export async function openAsAdmin(view, options, watch) {
  const page = await open(view, options, watch)
  await logIn(page, 'root')
  await page.getByRole('complementary').getByRole('heading', { name: 'root' }).waitFor()
  return page
}

/** Sends an operation without a browser. @param {string} query @param {string} [bearer] */
export async function graphql(query, variables = {}, bearer) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(bearer && { Authorization: `Bearer ${bearer}` }) },
    body: JSON.stringify({ query, variables }),
  })
  /** @type {unknown} */
  const answer = await response.json()
  return /** @type {{data: unknown, errors?: {extensions: {code?: string, reason?: string}}[]}} */ (answer)
}

/** Makes an account without a browser. Resolves to the access token. @param {string} name */
export async function account(name) {
  const { data } = await graphql(
    'mutation ($input: SignupInput!) { signup(input: $input) { accessToken } }',
    { input: { username: name, password } },
  )
  return /** @type {{signup: {accessToken: string}}} */ (data).signup.accessToken
}

/** Signs the administrator in without a browser. Resolves to the access token. */
export async function signInAsAdmin() {
  const { data } = await graphql('mutation ($i: LoginInput!) { login(input: $i) { accessToken } }', { i: { identifier: 'root', password } })
  return /** @type {{login: {accessToken: string}}} */ (data).login.accessToken
}

/** Counts the refreshes that pages ask for from now on. @param {Page[]} pages */
export function countRefreshes(...pages) {
  const seen = { count: 0 }
  for (const page of pages) {
    page.on('request', (request) => {
      if (request.postData()?.includes('ConsoleRefresh')) seen.count++
    })
  }
  return seen
}

/** Records the names of the operations that a page sends from now on. @param {Page} page */
export function record(page) {
  /** @type {string[]} */
  const sent = []
  page.on('request', (request) => {
    const operation = /(?:query|mutation) (\w+)/.exec(request.postData() ?? '')?.[1]
    if (operation) sent.push(operation)
  })
  return sent
}

/** Holds a page's request for an operation back until it is released. @param {Page} page @param {string} operation */
export async function hold(page, operation) {
  let release = /** @type {() => void} */ (() => undefined)
  /** @type {Promise<void>} */
  const released = new Promise((resolve) => { release = resolve })
  await page.route('**/graphql', async (route) => {
    if (route.request().postData()?.includes(operation)) await released
    await route.continue()
  })
  return release
}

/** What a page keeps beyond its own life. @param {Page} page */
export const stored = (page) =>
  page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)]))

/** Asks a question until the answer is yes. @param {() => boolean | Promise<boolean>} question */
export async function until(question, seconds = 60) {
  for (let tries = seconds * 10; !(await question()); tries--) {
    assert.ok(tries > 0, `not within ${String(seconds)} s: ${String(question)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Runs what is in the editor, once that is there. @param {Page} page */
export async function run(page) {
  for (const part of ['.graphiql-query-editor', '.result-window']) {
    await page.locator(`${part} .monaco-editor .view-line`).first().waitFor({ state: 'attached' })
  }
  await page.getByRole('button', { name: /Execute query/ }).click()
}

/** Waits until the editor's answer has a text. @param {Page} page @param {string} text */
export async function answered(page, text) {
  await page.locator('.result-window').getByText(text).first().waitFor()
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Asserts that axe finds nothing to complain about. @param {Page} page @param {string} where */
export async function assertAccessible(page, where) {
  await page.evaluate(`${axe}; undefined`)
  const { violations } = /** @type {AxeResults} */ (await page.evaluate('axe.run(document)'))
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html.slice(0, 160)).join(' | ')}`)
  assert.deepEqual(found, [], where)
}
