import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'

import { SessionChangedError } from '../src/index.js'
import { Browser, challenge, passkey, password, run, Server, tokenStore, until } from './browser.js'

let server: Server
let browser: Browser
/** What the browser does when it is asked for a passkey. It is told for what. */
let authenticator: (asked: unknown) => unknown

const credential = { toJSON: () => passkey.response }
const ask = (asked: unknown) => new Promise((resolve) => { resolve(authenticator(asked)) })
Object.assign(navigator, { credentials: { get: ask, create: ask } })

beforeEach(() => {
  server = new Server()
  browser = new Browser(server)
  authenticator = () => credential
  Object.assign(globalThis, {
    PublicKeyCredential: {
      parseRequestOptionsFromJSON: (options: object) => ({ get: options }),
      parseCreationOptionsFromJSON: (options: object) => ({ create: options }),
    },
  })
})
afterEach(() => { browser.close() })

const fail = (name: string) => () => { throw new DOMException('The words differ between browsers.', name) }
const problems = {
  NotAllowedError: 'cancelled', AbortError: 'cancelled', SecurityError: 'not supported', NotSupportedError: 'not supported',
  ConstraintError: 'not supported',
}

test('a passkey signs in, in all tabs', async () => {
  const [tab, other] = [browser.tab(), browser.tab()]
  const asked: unknown[] = []
  authenticator = (of) => (asked.push(of), credential)
  assert.deepEqual(await tab.signInWithPasskey(), { outcome: 'done' })
  assert.deepEqual(asked, [{ publicKey: { get: { challenge: 'random' } } }])
  assert.equal(browser.cookie, 's1:0')
  await other.restore()
  assert.deepEqual(await run(other), { me: { session: 's1' } })
})

test('in token mode the store gets the tokens of a sign-in with a passkey', async () => {
  const store = tokenStore()
  await browser.tab({ store }).signInWithPasskey()
  assert.deepEqual([store.token, store.deviceToken], ['s1:0', 'device of s1'])
})

test('a passkey that the server refuses signs nobody in', async () => {
  const tab = browser.tab()
  authenticator = () => ({ toJSON: () => ({ id: 'of another account' }) })
  await assert.rejects(tab.signInWithPasskey(), /INVALID_CREDENTIALS/)
  assert.equal(tab.state().credentials, null)
})

test('while the browser asks for a passkey, other tabs refresh', async () => {
  const other = await browser.signedIn()
  server.expire()
  authenticator = async () => {
    assert.deepEqual(await run(other), { me: { session: 's1' } })
    return credential
  }
  assert.deepEqual(await browser.tab().signInWithPasskey(), { outcome: 'done' })
})

for (const [name, outcome] of Object.entries(problems)) {
  test(`${name} means ${outcome}, and the user can go on`, async () => {
    const tab = await browser.signedIn()
    await confirmed(tab)
    authenticator = fail(name)
    for (const attempt of [() => tab.askForPasskey(), () => tab.signInWithPasskey(), () => tab.addPasskey()]) {
      assert.deepEqual(await attempt(), { outcome })
    }
    assert.deepEqual([server.count('LoginWithPasskey'), server.count('ConfirmPasskeySetup')], [0, 0])
    assert.deepEqual(await run(tab), { me: { session: 's1' } })
  })
}

for (const [what, global] of [['no passkeys', undefined], ['no passkeys in JSON', {}]] as const) {
  test(`a browser that has ${what} does not support them, and the server is not asked`, async () => {
    const tab = browser.tab()
    if (global) Object.assign(globalThis, { PublicKeyCredential: global })
    else Reflect.deleteProperty(globalThis, 'PublicKeyCredential')
    for (const attempt of [tab.askForPasskey(), tab.signInWithPasskey(), tab.addPasskey()]) {
      assert.deepEqual(await attempt, { outcome: 'not supported' })
    }
    assert.deepEqual(server.log, [])
  })
}

test('other exceptions are thrown', async () => {
  for (const broken of [fail('DataError'), fail('toString'), () => { throw new TypeError('broken') }]) {
    authenticator = broken
    await assert.rejects(browser.tab().askForPasskey(), /words differ|broken/)
  }
  authenticator = fail('InvalidStateError') // has a meaning only for a set-up
  await assert.rejects(browser.tab().askForPasskey(), /words differ/)
})

test('a passkey is set up after the user has confirmed their identity', async () => {
  const tab = await browser.signedIn()
  const asked: unknown[] = []
  authenticator = (of) => (asked.push(of), credential)
  const stop = tab.stepUp.subscribe(() => undefined)
  const added = tab.addPasskey('Key ring')
  await until(() => tab.stepUp.question() !== null)
  await tab.stepUp.question()?.confirm({ password })
  assert.deepEqual(await added, { outcome: 'done', passkey: { id: 'f1', name: 'Key ring' }, recoveryCodes: ['ABCD-EFGH'] })
  assert.deepEqual(asked, [{ publicKey: { create: { challenge: 'random' } } }])
  stop()
})

test('a passkey without a name gets that of the server', async () => {
  const tab = await browser.signedIn()
  await confirmed(tab)
  const added = await tab.addPasskey()
  assert.equal(added.outcome === 'done' && added.passkey.name, 'Passkey')
})

test('a device that has a passkey of the user gets no second one', async () => {
  const tab = await browser.signedIn()
  await confirmed(tab)
  authenticator = fail('InvalidStateError')
  assert.deepEqual(await tab.addPasskey(), { outcome: 'already set up' })
})

test('a passkey is not set up in another session than it was asked for', async () => {
  const tab = await browser.signedIn()
  await confirmed(tab)
  authenticator = async () => {
    await tab.signOut()
    return credential
  }
  await assert.rejects(tab.addPasskey(), SessionChangedError)
  assert.equal(server.count('ConfirmPasskeySetup'), 0)
})

test('who is signed out cannot set up a passkey', async () => {
  await assert.rejects(browser.tab().addPasskey(), /UNAUTHENTICATED/)
})

test('a passkey completes a sign-in', async () => {
  const tab = browser.tab()
  const asked = await tab.askForPasskey()
  assert.ok(asked.outcome === 'done')
  await tab.completeSignIn({ challenge }, asked.answer)
  assert.deepEqual(await run(tab), { me: { session: 's1' } })
})

test('a passkey confirms the identity of the user', async () => {
  const tab = await browser.signedIn()
  const stop = tab.stepUp.subscribe(() => undefined)
  const deleted = run(tab, 'DeleteMe')
  await until(() => tab.stepUp.question() !== null)
  const asked = await tab.askForPasskey()
  assert.ok(asked.outcome === 'done')
  await tab.stepUp.question()?.confirm(asked.answer)
  assert.deepEqual(await deleted, { me: { session: 's1' } })
  stop()
})

/** Lets the user of a tab confirm their identity. */
async function confirmed(tab: Awaited<ReturnType<Browser['signedIn']>>) {
  const stop = tab.stepUp.subscribe(() => undefined)
  const done = run(tab, 'DeleteUser')
  await until(() => tab.stepUp.question() !== null)
  await tab.stepUp.question()?.confirm({ password })
  await done
  stop()
}
