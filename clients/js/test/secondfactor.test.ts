import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'

import { secondFactorOf, UsherError } from '../src/index.js'
import { Browser, challenge, code, recoveryCode, run, Server, tokenStore } from './browser.js'

let server: Server
let browser: Browser

beforeEach(() => {
  server = new Server()
  browser = new Browser(server)
})
afterEach(() => { browser.close() })

const extensions = { code: 'SECOND_FACTOR_REQUIRED', challenge, methods: ['TOTP', 'RECOVERY_CODE'], expiresIn: 300 }
const errors = [{ message: 'Complete the sign-in with a second factor.', extensions }]

test('the second factor is found in what clients return and throw', () => {
  const found = { challenge, methods: ['TOTP', 'RECOVERY_CODE'], expiresIn: 300 }
  for (const result of [{ errors }, new UsherError(errors), { graphQLErrors: errors }, { data: null, error: { errors } }]) {
    assert.deepEqual(secondFactorOf(result), found)
  }
})

test('other results have no second factor', () => {
  const other = (of: object) => ({ errors: [{ message: '', extensions: of }] })
  for (const result of [
    undefined, null, 'text', new Error('broken'), { data: { login: {} } }, { errors: [] }, other({ code: 'INVALID_CREDENTIALS' }),
    other({ code: 'CHALLENGE_REQUIRED', challenge: { salt: '' } }), other({ code: 'SECOND_FACTOR_REQUIRED', challenge: {} }),
  ]) assert.equal(secondFactorOf(result), undefined)
})

for (const answer of [{ totp: code }, { recoveryCode }, { emailCode: code }]) {
  test(`a sign-in is completed with ${Object.keys(answer).join()}, in all tabs`, async () => {
    const tab = browser.tab()
    const other = browser.tab()
    await tab.completeSignIn({ challenge }, answer)
    assert.equal(tab.state().credentials?.session.id, 's1')
    assert.equal(browser.cookie, 's1:0')
    await other.restore()
    assert.deepEqual(await run(other), { me: { session: 's1' } })
  })
}

test('after a wrong code the user tries again, and after the end of the challenge signs in again', async () => {
  const tab = browser.tab()
  await assert.rejects(tab.completeSignIn({ challenge }, { totp: '000000' }), /INVALID_CREDENTIALS/)
  await assert.rejects(tab.completeSignIn({ challenge: 'old' }, { totp: code }), /Sign in again/)
  assert.equal(tab.state().credentials, null)
  await tab.completeSignIn({ challenge }, { totp: code })
  assert.deepEqual(await run(tab), { me: { session: 's1' } })
})

test('in token mode the store gets the tokens', async () => {
  const store = tokenStore()
  await browser.tab({ store }).completeSignIn({ challenge }, { totp: code })
  assert.deepEqual([store.token, store.deviceToken], ['s1:0', 'device of s1'])
})
