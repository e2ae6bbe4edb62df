// The console when its server is down or was upgraded, and when it has an error itself. Argument: the server's address.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, test } from 'node:test'

import { account, answered, assertAccessible, go, logIn, newName, open, openAsAdmin, password, run, signUp, stored, until, url } from './browser.mjs'

/** @import { AddressInfo, Server, Socket } from 'node:net' */
/** @import { Page } from 'playwright-core' */

/** A way to the server that can be cut, so that connections are refused as when it is down. */
class Way {
  /** @type {Set<Socket>} */
  #sockets = new Set()
  /** @type {Server | undefined} */
  #server
  #port = 0

  get url() {
    return `http://127.0.0.1:${String(this.#port)}`
  }

  async restore() {
    this.#server = createServer((socket) => {
      const target = connect(Number(new URL(url).port), '127.0.0.1')
      for (const end of [socket, target]) {
        this.#sockets.add(end)
        end.on('close', () => { this.#sockets.delete(end) })
        end.on('error', () => { socket.destroy(); target.destroy() })
      }
      socket.pipe(target).pipe(socket)
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = /** @type {AddressInfo} */ (this.#server.address()).port
  }

  cut() {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

const way = new Way()
await way.restore()
after(() => { way.cut() })

/** What Chromium and React write when the server is down, and when an error was caught. */
const expected = /Failed to load resource|Failed to fetch|could not be loaded|occurred in|is not iterable|Cannot read/

/** Opens a view in a browser that may complain. @param {string} [view] */
const openLoosely = (view = '', at = url) => open(view, {}, { at, expected })

/** Counts how often a page is loaded. @param {Page} page */
function countLoads(page) {
  const seen = { count: 0 }
  page.on('request', (request) => { if (request.isNavigationRequest()) seen.count++ })
  return seen
}

/** Writes an operation into the editor, and waits until it is stored. @param {Page} page */
async function write(page) {
  await page.locator('.graphiql-query-editor .view-line').first().click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type('# unsaved words')
  await until(async () => (await stored(page)).includes('unsaved words'), 10)
}

test('after an upgrade the page finds the new assets by one reload, and keeps the text of the editor', async () => {
  const page = await openLoosely('editor')
  await signUp(page)
  await write(page)
  const loads = countLoads(page)
  // The server has the assets of the next build only: what the open page asks for is gone.
  await page.route('**/assets/Access-*', (route) => route.fulfill({ status: 404, body: 'not found' }), { times: 1 })
  await go(page, 'Access')
  await page.locator('[data-place="Query.me"]').waitFor()
  assert.equal(loads.count, 1)
  await go(page, 'Editor')
  await page.locator('.graphiql-query-editor').getByText('unsaved words').waitFor()
  await page.route('**/assets/Sessions-*', (route) => route.fulfill({ status: 404, body: 'not found' }), { times: 1 })
  await go(page, 'Sessions') // a later upgrade
  await page.getByText('this session').waitFor()
  assert.equal(loads.count, 2)
})

test('assets that stay away end in a sentence, not in a loop', async () => {
  const page = await openLoosely()
  await page.getByLabel('Password').waitFor()
  const loads = countLoads(page)
  await page.route('**/assets/Access-*', (route) => route.fulfill({ status: 404, body: 'not found' }))
  await go(page, 'Access')
  await page.getByRole('alert').getByText('could not be loaded').waitFor()
  await assertAccessible(page, 'a view that cannot be loaded')
  assert.equal(loads.count, 1)
  await go(page, 'Start') // the rest of the page works
  await page.getByRole('heading', { name: 'Start' }).waitFor()
  await go(page, 'Access')
  await page.unroute('**/assets/Access-*')
  await page.getByRole('button', { name: 'Reload' }).click()
  await page.locator('[data-place="Query.me"]').waitFor()
  assert.equal(loads.count, 2)
})

test('an error in a view ends in a sentence, and other views work', async () => {
  const page = await openLoosely()
  await page.route('**/access.json', (route) => route.fulfill({ json: [{ name: 'Query' }] }), { times: 1 })
  await go(page, 'Access')
  await page.getByRole('alert').getByText('An error in the console stopped this view').waitFor()
  await go(page, 'Start')
  await page.getByRole('button', { name: /^MySessions/ }).waitFor()
  await go(page, 'Access')
  await page.getByRole('button', { name: 'Reload' }).click()
  await page.locator('[data-place="Query.me"]').waitFor()
})

test('with the server down every view says so, and recovers without a reload', async () => {
  const page = await openAsAdmin('editor', {}, { at: way.url, expected })
  const views = ['Access', 'Sessions', 'Dashboard', 'Users', 'Audit']
  for (const title of views) { // which loads them
    await go(page, title)
    await page.getByRole('heading', { level: 1, name: title }).waitFor()
  }
  await go(page, 'Editor')
  await run(page)
  await answered(page, 'root')
  const loads = countLoads(page)

  way.cut()
  await run(page)
  await answered(page, 'Usher cannot be reached. Try again.')
  assert.ok(!(await page.locator('.result-window').textContent())?.includes('stack'))
  for (const title of ['Sessions', 'Dashboard', 'Users', 'Audit']) {
    await go(page, title)
    await page.getByText('Usher cannot be reached. This page tries again every few seconds.').first().waitFor()
  }
  await assertAccessible(page, 'the server is down')
  await way.restore()
  await page.locator('tbody tr').getByText('root').first().waitFor()
  assert.equal(await page.getByText('cannot be reached').locator('visible=true').count(), 0)
  await go(page, 'Editor')
  await run(page)
  await answered(page, 'root')
  assert.equal(loads.count, 0)
})

test('what was not loaded when the server went down is loaded when it is back', async () => {
  const name = newName()
  await account(name)
  const page = await openLoosely('', way.url)
  await logIn(page, name)
  await page.getByRole('timer').waitFor()
  way.cut()
  for (const title of ['Editor', 'Access']) {
    await go(page, title)
    await page.getByText('Usher cannot be reached.').locator('visible=true').waitFor()
  }
  await way.restore()
  await page.locator('[data-place="Query.me"]').waitFor()
})

test('signing in while the server is down, or behind a gateway that does not reach it, is explained', async () => {
  const page = await openLoosely('', way.url)
  await page.getByLabel('Password').waitFor()
  way.cut()
  await logIn(page, 'root', password)
  await page.getByRole('alert').getByText('Usher cannot be reached. Try again.').waitFor()
  await way.restore()
  await page.route('**/graphql', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }), { times: 1 })
  await logIn(page, 'root', password)
  await page.getByRole('alert').getByText('Usher cannot be reached. Try again.').waitFor()
  await logIn(page, 'root', password)
  await page.getByRole('timer').waitFor()
})

test('a page that cannot ask who is signed in goes on when the server is back', async () => {
  const page = await openLoosely('', way.url)
  await page.getByLabel('Password').waitFor()
  await page.route('**/graphql', (route) => route.abort('connectionrefused'), { times: 1 })
  await page.reload()
  await page.getByLabel('Password').waitFor()
  assert.equal(await page.getByText('cannot be reached').count(), 0)
})
