// The browser, the pages in it, and what they send.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

/** Starts Chromium. It refuses its sandbox to root, as in a container. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH || '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
}

/** What pages complained about in their consoles, and their uncaught errors. */
export const complaints = []

/** Opens a page, in a browser of its own unless a context is given. */
export async function open(browser, url, context) {
  context ??= await browser.newContext({ locale: 'en-GB' })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.clock.setFixedTime(new Date())
  await page.goto(url)
  return page
}

/**
 * Records the operations that a page sends from now on: their names, the access tokens with them, and
 * `codes`, those of the errors they are answered with, which is undefined until then.
 */
export function record(page) {
  const sent = []
  page.on('request', async (request) => {
    if (request.method() !== 'POST' || !request.url().endsWith('/graphql')) return
    const entry = { name: operation(request), token: token(request) }
    if (!entry.name) return // the list of providers, which is asked for beside everything else
    sent.push(entry)
    const response = await request.response().catch(() => null) // the page may have gone
    if (!response) return
    const { errors = [] } = await response.json().catch(() => ({})) // as above
    entry.codes = errors.map(({ extensions }) => extensions.code).join()
  })
  return sent
}

/** Waits until that many operations are answered. */
export const answered = (sent, n) => until(() => sent.length >= n && sent.every(({ codes }) => codes !== undefined))

/** Counts operations by name. */
export function count(sent) {
  const counts = {}
  for (const { name } of sent) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

// Requests of usher-client itself have no operationName.
export const operation = (request) => request.postDataJSON()?.operationName ?? /^mutation (\w+)/.exec(request.postDataJSON()?.query)?.[1]
export const token = (request) => request.headers().authorization?.replace('Bearer ', '')

/** Asks a question until its answer is yes, for at most a minute. */
export async function until(question) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (await question()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail('it took too long')
}

/** A lock on a step: `passed` resolves when it is opened. */
export function gate() {
  let opened
  const passed = new Promise((resolve) => (opened = resolve))
  return { open: opened, passed }
}
