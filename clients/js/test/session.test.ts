import assert from 'node:assert/strict'
import { afterEach, beforeEach, mock, test } from 'node:test'

import { SessionChangedError, UsherError } from '../src/index.js'
import { Browser, run, Server, tokenStore, turn, until, eager } from './browser.js'

let server: Server
let browser: Browser

beforeEach(() => {
  server = new Server()
  browser = new Browser(server)
})
afterEach(() => {
  browser.close()
  mock.timers.reset()
})

const offline = () => { throw new TypeError('fetch failed') }
const id = (tab: { state: () => { credentials: { session: { id: string } } | null } }) => tab.state().credentials?.session.id

/** Says something in the channel of the tabs, as another tab would. */
function say(message: object) {
  const channel = new BroadcastChannel(browser.channel)
  channel.postMessage(message)
  channel.close()
}

function gate() {
  let release = () => { /* the promise sets it */ }
  const promise = new Promise<void>((resolve) => { release = resolve })
  return { promise, release }
}

/** Holds back the first answer to an operation until it is released. */
function hold(operation: string) {
  const { promise, release } = gate()
  let asked = 0
  server.after = (name) => (name === operation && ++asked === 1 ? promise : undefined)
  return release
}

test('many requests that meet an expired token cause one refresh, and each is sent once more', async () => {
  const tab = await browser.signedIn()
  server.expire()
  const answers = await Promise.all(Array.from({ length: 20 }, () => run(tab)))
  assert.deepEqual(answers, Array(20).fill({ me: { session: 's1' } }))
  assert.equal(server.count('Refresh'), 1)
  assert.equal(server.count('Me'), 40)
})

test('a request that is refused after the refresh does not cause another one', async () => {
  const tab = await browser.signedIn()
  server.expire()
  const release = hold('Me')
  const late = run(tab)
  await until(() => server.count('Me') === 1)
  await run(tab)
  release()
  assert.deepEqual(await late, { me: { session: 's1' } })
  assert.equal(server.count('Refresh'), 1)
})

test('a request is sent once more at most', async () => {
  const tab = await browser.signedIn()
  server.before = (name) => { if (name === 'Me') server.expire() }
  assert.equal(await run(tab), 'UNAUTHENTICATED')
  assert.equal(server.count('Me'), 2)
  assert.equal(id(tab), 's1')
})

test('two tabs refresh once', async () => {
  const one = await browser.signedIn()
  const two = browser.tab()
  await two.restore()
  server.log.length = 0
  server.expire()
  await until(() => one.state().credentials?.accessToken === two.state().credentials?.accessToken)
  await Promise.all([run(one), run(two)])
  assert.equal(server.count('Refresh'), 1)
  assert.deepEqual(one.state(), two.state())
})

test('two tabs refresh once, though the lock comes before the message of the tab that had it', async () => {
  const one = await browser.signedIn()
  const two = browser.tab()
  await two.restore()
  await until(() => one.state().credentials?.accessToken === two.state().credentials?.accessToken)
  server.log.length = 0
  server.expire()
  eager.locks = true
  try {
    await Promise.all([run(one), run(two)])
  } finally {
    eager.locks = false
  }
  assert.equal(server.count('Refresh'), 1)
  assert.deepEqual(one.state(), two.state())
})

test('a tab that waited for a refresh which failed refreshes by itself', async () => {
  const one = await browser.signedIn()
  const two = browser.tab()
  await two.restore()
  server.expire()
  let refreshes = 0
  server.before = (name) => {
    if (name === 'Refresh' && ++refreshes === 1) throw new TypeError('network error')
  }
  const results = await Promise.allSettled([one.refresh(), two.refresh()])
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  await until(() => one.state().credentials?.accessToken === two.state().credentials?.accessToken)
})

test('without Web Locks and BroadcastChannel a tab keeps its session', async () => {
  const kept = Object.entries(Object.getOwnPropertyDescriptors(globalThis)).filter(([name]) => ['navigator', 'BroadcastChannel'].includes(name))
  for (const [name] of kept) Reflect.deleteProperty(globalThis, name)
  try {
    const tab = await browser.signedIn()
    server.expire()
    const answers = await Promise.all([run(tab), run(tab), run(tab)])
    assert.deepEqual(answers, Array(3).fill({ me: { session: 's1' } }))
    assert.equal(server.count('Refresh'), 1)
  } finally {
    for (const [name, descriptor] of kept) Object.defineProperty(globalThis, name, descriptor)
  }
})

test('in cookie mode no script has the refresh token, and a reload finds the session', async () => {
  const tab = await browser.signedIn()
  assert.ok(!JSON.stringify(tab.state()).includes('s1:'))
  const reloaded = browser.tab()
  assert.deepEqual(reloaded.state(), { known: false, credentials: null })
  assert.equal(await reloaded.restore(), true)
  assert.equal(id(reloaded), 's1')
  assert.equal(await reloaded.restore(), true)
  assert.equal(server.count('Refresh'), 1)
  assert.equal(browser.cookie, 's1:1')
})

test('a page without a cookie is signed out, and says no reason', async () => {
  const tab = browser.tab()
  assert.equal(await tab.restore(), false)
  assert.deepEqual(tab.state(), { known: true, credentials: null })
})

test('token mode keeps the next refresh token in the store and nowhere else', async () => {
  const store = tokenStore()
  const one = await browser.signedIn({ store })
  const two = browser.tab({ store })
  await two.restore()
  server.expire()
  await Promise.all([run(one), run(two)])
  assert.equal(store.token, 's1:2')
  assert.ok(!JSON.stringify([one.state(), two.state()]).includes('s1:'))
  assert.equal(browser.cookie, '')
  await one.signOut()
  assert.equal(store.token, null)
  assert.equal(await browser.tab({ store }).restore(), false)
  assert.equal(server.count('Refresh'), 2)
})

test('token mode keeps the device token in the store alone, also after a refresh and a sign-out', async () => {
  const store = tokenStore()
  const tab = await browser.signedIn({ store })
  assert.equal(store.deviceToken, 'device of s1')
  assert.ok(!JSON.stringify(tab.state()).includes('device of'))
  server.expire()
  await run(tab)
  await tab.signOut()
  assert.equal(store.token, null)
  assert.equal(store.deviceToken, 'device of s1')
})

test('tabs with stores of their own have sessions of their own', async () => {
  const one = await browser.signedIn({ store: tokenStore(false) })
  const two = await browser.signedIn({ store: tokenStore(false) })
  await one.signOut()
  await turn()
  assert.deepEqual([id(one), id(two)], [undefined, 's2'])
})

test('after a lost answer the same refresh token is sent again', async () => {
  const store = tokenStore()
  const tab = await browser.signedIn({ store })
  server.expire()
  let lost = 0
  server.after = (name) => { if (name === 'Refresh' && ++lost === 1) offline() }
  await assert.rejects(run(tab), { name: 'UsherError', message: 'The server cannot be reached. Try again.' })
  assert.equal(store.token, 's1:0')
  assert.deepEqual(await run(tab), { me: { session: 's1' } })
  assert.equal(store.token, 's1:1')
})

test('a network error signs nobody out', async () => {
  const tab = await browser.signedIn()
  server.before = offline
  await assert.rejects(run(tab), TypeError)
  server.expire()
  await assert.rejects(tab.refresh(), UsherError)
  await assert.rejects(tab.signOut(), UsherError)
  assert.equal(id(tab), 's1')
  const reloaded = browser.tab()
  await assert.rejects(reloaded.restore(), UsherError)
  assert.equal(reloaded.state().known, false)
  server.before = () => undefined
  assert.equal(await reloaded.restore(), true)
})

for (const [what, reply] of [
  ['a page of the network', () => new Response('<title>Welcome</title>', { status: 511 })],
  ['a busy server', () => Response.json({ data: null, errors: [{ message: 'Busy.', extensions: { code: 'SERVICE_UNAVAILABLE', retryAfter: 3 } }] })],
  ['an empty answer', () => Response.json({ data: null })],
] as const) {
  test(`${what} in place of a refresh signs nobody out`, async () => {
    const tab = await browser.signedIn({ fetch: () => Promise.resolve(reply()) })
    await assert.rejects(tab.refresh(), UsherError)
    assert.equal(id(tab), 's1')
  })
}

test('a refused refresh signs out everywhere, and says why', async () => {
  const one = await browser.signedIn()
  const two = browser.tab()
  await two.restore()
  server.expire()
  server.after = (name) => { if (name === 'Me') server.end('s1', 'ACCOUNT_DISABLED') }
  await until(() => one.state().credentials?.accessToken === two.state().credentials?.accessToken)
  assert.equal(await run(one), 'UNAUTHENTICATED')
  await until(() => two.state().credentials === null)
  for (const tab of [one, two]) assert.deepEqual(tab.state(), { known: true, credentials: null, ended: 'ACCOUNT_DISABLED' })
})

test('a session that was ended elsewhere signs out everywhere without a refresh', async () => {
  const one = await browser.signedIn()
  const two = browser.tab()
  await two.restore()
  server.end('s1')
  server.log.length = 0
  assert.equal(await run(two), 'UNAUTHENTICATED')
  await until(() => one.state().credentials === null)
  assert.equal(one.state().ended, 'SESSION_ENDED')
  assert.equal(server.count('Refresh'), 0)
})

test('a sign-out ends the session in all tabs, also with an expired token', async () => {
  const one = await browser.signedIn()
  const two = browser.tab()
  await two.restore()
  server.expire()
  await one.signOut()
  await until(() => two.state().credentials === null)
  assert.equal(one.state().ended, undefined)
  assert.equal(browser.cookie, '')
  assert.equal(server.count('Logout'), 2)
})

test('a sign-out of a session that has ended before is fine', async () => {
  const tab = await browser.signedIn()
  server.end('s1')
  await tab.signOut()
  assert.equal(tab.state().credentials, null)
  await tab.signOut()
})

test('the late end of a former session leaves the tabs of the next one alone', async () => {
  const tab = await browser.signedIn()
  say({ credentials: null, session: 's0', ended: 'SESSION_ENDED' })
  await turn()
  assert.equal(id(tab), 's1')
  say({ credentials: null, session: 's1', ended: 'SESSION_ENDED' })
  await until(() => tab.state().credentials === null)
})

test('a late refusal of a former session leaves the next one alone', async () => {
  const tab = await browser.signedIn()
  server.end('s1')
  const release = hold('Me')
  const refused = run(tab)
  await until(() => server.count('Me') === 1)
  await tab.signIn(() => Promise.resolve(server.login().payload))
  release()
  assert.equal(await refused, 'UNAUTHENTICATED')
  assert.equal(id(tab), 's2')
})

test('a request is not sent in another session than the one that asked', async () => {
  const tab = await browser.signedIn()
  const former = tab.fetchIn('s1')
  server.expire()
  browser.cookie = server.login().cookie // somebody signed in without a word to this tab
  await assert.rejects(run(tab, 'Me', former), SessionChangedError)
  assert.equal(id(tab), 's2')
  await assert.rejects(run(tab, 'Me', former), /another session/)
  assert.deepEqual(server.log.map((entry) => entry.split(' ')[0]), ['Me', 'Refresh'])
  await tab.signOut()
  await assert.rejects(run(tab, 'Me', former), /signed out/)
})

test('a sign-in in another tab outlives the late answer to the page that asked who is signed in', async () => {
  browser.cookie = server.login().cookie
  const late = browser.tab()
  const release = hold('Refresh')
  const restored = late.restore()
  await until(() => server.count('Refresh') === 1)
  say({ credentials: server.login().payload, session: 's2' }) // as from a browser without Web Locks
  await until(() => id(late) === 's2')
  release()
  assert.equal(await restored, true)
  assert.equal(id(late), 's2')
})

test('token mode keeps the next refresh token when another tab has changed the session meanwhile', async () => {
  const store = tokenStore()
  const tab = await browser.signedIn({ store })
  const release = hold('Refresh')
  const refreshed = tab.refresh()
  await until(() => server.count('Refresh') === 1)
  const mine = tab.state().credentials
  say({ credentials: { ...mine, accessToken: 'newer', confirmed: true }, session: 's1' })
  await until(() => tab.state().credentials?.confirmed === true)
  release()
  assert.equal(await refreshed, true)
  assert.equal(tab.state().credentials?.accessToken, 'newer')
  assert.equal(store.token, 's1:1')

  const late = hold('Refresh')
  const discarded = tab.refresh()
  await until(() => server.count('Refresh') === 2)
  store.token = 's2:0'
  say({ credentials: server.login().payload, session: 's2' })
  await until(() => id(tab) === 's2')
  late()
  assert.equal(await discarded, true)
  assert.equal(store.token, 's2:0')
})

test('a sign-in waits for the tab that changes the cookie', async () => {
  const one = browser.tab()
  const two = browser.tab()
  const order: string[] = []
  const { promise, release } = gate()
  const first = one.signIn(async () => {
    order.push('one begins')
    await promise
    order.push('one ends')
    return null
  })
  const second = two.signIn(() => {
    order.push('two')
    return Promise.resolve(server.login().payload)
  })
  await until(() => order.length === 1)
  await turn()
  release()
  assert.deepEqual(await Promise.all([first, second]), [false, true])
  assert.deepEqual(order, ['one begins', 'one ends', 'two'])
})

test('an expired token is refreshed before it is sent, by the time since it came', async () => {
  mock.timers.enable({ apis: ['Date'], now: Date.parse('2031-01-01') }) // years ahead of the server
  const tab = await browser.signedIn()
  mock.timers.tick(899_000)
  await run(tab)
  assert.equal(server.count('Refresh'), 0)
  mock.timers.tick(1_000)
  await run(tab)
  assert.deepEqual(server.log.map((entry) => entry.split(' ')[0]), ['Me', 'Refresh', 'Me'])
})

test('a clock that is set back leaves it to the server to say that a token has expired', async () => {
  mock.timers.enable({ apis: ['Date'], now: Date.parse('2031-01-01') })
  const tab = await browser.signedIn()
  mock.timers.setTime(Date.parse('1999-01-01'))
  server.expire()
  assert.deepEqual(await run(tab), { me: { session: 's1' } })
  assert.equal(server.count('Refresh'), 1)
})

test('a listener hears of each change until it stops', async () => {
  const tab = browser.tab()
  const seen: (string | undefined)[] = []
  const stop = tab.subscribe(() => seen.push(id(tab)))
  await tab.signIn(() => Promise.resolve(server.login().payload))
  await tab.signOut()
  stop()
  await tab.signIn(() => Promise.resolve(server.login().payload))
  assert.deepEqual(seen, ['s1', undefined])
})
