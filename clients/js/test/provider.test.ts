import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'

import { secondFactorOf } from '../src/index.js'
import { Browser, challenge, password, providerCode, run, Server, tokenStore, until } from './browser.js'

let server: Server
let browser: Browser
/** The addresses that the page has had. The last one is that of the page. */
let addresses: string[]

const page = 'https://app.example.com/signed-in'
const returned = `${page}?code=${providerCode}`

beforeEach(() => {
  server = new Server()
  browser = new Browser(server)
  visit(page)
})
afterEach(() => {
  browser.close()
  for (const name of ['location', 'history', 'sessionStorage']) Reflect.deleteProperty(globalThis, name)
})

/** Opens an address, in a tab that keeps what it has. */
function visit(address: string) {
  addresses = [address]
  const replaceState = (_state: unknown, _title: string, to: URL) => {
    addresses.push(to.href)
    Object.assign(globalThis, { location: { href: to.href } })
  }
  Object.assign(globalThis, { location: { href: address }, history: { state: null, replaceState } })
}

/** Keeps what the tab keeps while another page is in it. */
function keep() {
  const items = new Map<string, string>()
  const sessionStorage = {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, value: string) => { items.set(name, value) },
    removeItem: (name: string) => { items.delete(name) },
  }
  Object.assign(globalThis, { sessionStorage })
  return items
}

test('the providers are those of the server', async () => {
  assert.deepEqual(await browser.tab().providers(), [{ id: 'acme', name: 'Acme' }])
})

test('a sign-in at a provider signs in, in all tabs, and its code does not stay in the address', async () => {
  const [tab, other] = [browser.tab(), browser.tab()]
  assert.equal(await tab.signInWithProvider('acme', page), 'https://acme.example/authorize')
  assert.deepEqual(server.begun, { provider: 'acme', redirectTo: page, session: 'COOKIE', codeChallenge: null })
  visit(`${page}?code=${providerCode}&view=1`)
  assert.deepEqual(await tab.completeProviderLogin(), { outcome: 'done' })
  assert.equal(addresses.at(-1), `${page}?view=1`)
  assert.equal(browser.cookie, 's1:0')
  await other.restore()
  assert.deepEqual(await run(other), { me: { session: 's1' } })
  assert.deepEqual(await tab.completeProviderLogin(), { outcome: 'nothing' })
})

for (const [kept, where] of [[true, 'in the tab'], [false, 'in memory, outside of browsers']] as const) {
  test(`in token mode PKCE binds the sign-in, with its verifier kept ${where}`, async () => {
    const items = kept ? keep() : new Map()
    const store = tokenStore()
    await browser.tab({ store }).signInWithProvider('acme', page)
    assert.match(String(server.begun?.codeChallenge), /^[\w-]{43}$/)
    assert.equal(server.begun?.session, 'TOKEN')
    assert.equal(items.size, kept ? 1 : 0)
    assert.deepEqual(await browser.tab({ store }).completeProviderLogin(returned), { outcome: 'done' })
    assert.deepEqual([store.token, store.deviceToken], ['s1:0', 'device of s1'])
    assert.equal(items.size, 0)
    assert.deepEqual(addresses, [page], 'the address is not that of the answer')
  })
}

test('each sign-in has a new verifier', async () => {
  const tab = browser.tab({ store: tokenStore() })
  const seen = new Set()
  for (let n = 0; n < 3; n++) {
    await tab.signInWithProvider('acme', page)
    seen.add(server.begun?.codeChallenge)
  }
  assert.equal(seen.size, 3)
})

for (const [error, outcome] of Object.entries({
  access_denied: 'cancelled', temporarily_unavailable: 'unavailable', server_error: 'failed', toString: 'failed',
})) {
  test(`${error} means ${outcome}, and the server is not asked`, async () => {
    visit(`${page}?error=${error}`)
    const tab = browser.tab()
    assert.deepEqual(await tab.completeProviderLogin(), { outcome })
    assert.equal(addresses.at(-1), page)
    assert.deepEqual(await tab.linkProvider(`${page}?error=${error}`), { outcome })
    assert.deepEqual(server.log, [])
  })
}

test('an account that is not linked is linked after a sign-in in another way', async () => {
  server.linked = false
  const store = tokenStore()
  const tab = browser.tab({ store })
  await tab.signInWithProvider('acme', page)
  visit(returned)
  const result = await tab.completeProviderLogin()
  assert.ok(result.outcome === 'not linked')
  await assert.rejects(result.link(), /UNAUTHENTICATED/)
  await tab.signIn(() => Promise.resolve(server.login().payload))
  await confirming(tab, result.link())
  assert.ok(server.linked)
})

test('who is signed in links an account, after confirming their identity', async () => {
  server.linked = false
  const tab = await browser.signedIn()
  await tab.signInWithProvider('acme', page)
  visit(returned)
  assert.deepEqual(await confirming(tab, tab.linkProvider()), { outcome: 'done' })
  assert.equal(addresses.at(-1), page)
  assert.ok(server.linked)
  assert.deepEqual(await tab.linkProvider(), { outcome: 'nothing' })
})

test('a code that the server refuses signs nobody in', async () => {
  const tab = browser.tab()
  await assert.rejects(tab.completeProviderLogin(`${page}?code=used`), /BAD_USER_INPUT/)
  assert.equal(tab.state().credentials, null)
})

test('the second factor that a sign-in needs is in what is thrown', async () => {
  const items = keep()
  const refusing: typeof fetch = async (input, init) => {
    const response = await browser.fetch(input, init)
    if (server.log.at(-1) !== 'CompleteProviderLogin') return response
    const extensions = { code: 'SECOND_FACTOR_REQUIRED', challenge, methods: ['TOTP'], expiresIn: 300 }
    return Response.json({ data: null, errors: [{ message: '', extensions }] })
  }
  const tab = browser.tab({ store: tokenStore(), fetch: refusing })
  await tab.signInWithProvider('acme', page)
  const thrown: unknown = await tab.completeProviderLogin(returned).catch((error: unknown) => error)
  assert.equal(secondFactorOf(thrown)?.challenge, challenge)
  assert.equal(items.size, 0)
})

/** Confirms the identity of the user when a task needs it. */
async function confirming<T>(tab: ReturnType<Browser['tab']>, task: Promise<T>): Promise<T> {
  const stop = tab.stepUp.subscribe(() => undefined)
  await until(() => tab.stepUp.question() !== null)
  await tab.stepUp.question()?.confirm({ password })
  const result = await task
  stop()
  return result
}
