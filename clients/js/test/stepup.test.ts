import assert from 'node:assert/strict'
import { afterEach, beforeEach, mock, test } from 'node:test'

import { SessionChangedError, type UsherClient } from '../src/index.js'
import { Browser, challenge, code, password, recoveryCode, type Payload, run, Server, turn, until } from './browser.js'

let server: Server
let browser: Browser
let tab: UsherClient<Payload>

beforeEach(async () => {
  server = new Server()
  browser = new Browser(server)
  tab = await browser.signedIn()
})
afterEach(() => {
  browser.close()
  mock.timers.reset()
})

/** Waits for the question of a tab that has a dialog. */
async function question(of = tab) {
  await until(() => of.stepUp.question() !== null)
  const asked = of.stepUp.question()
  assert.ok(asked)
  return asked
}

test('a request is sent again once the password is right, and many share one question', async () => {
  tab.stepUp.subscribe(() => undefined)
  const deleted = Promise.all([run(tab, 'DeleteUser'), run(tab, 'DeleteUser')])
  const asked = await question()
  assert.equal(asked.session, 's1')
  await assert.rejects(asked.confirm({ password: 'wrong' }), /INVALID_CREDENTIALS/)
  assert.equal(tab.stepUp.question(), asked)
  await asked.confirm({ password })
  assert.deepEqual(await deleted, [{ me: { session: 's1' } }, { me: { session: 's1' } }])
  assert.equal(server.count('DeleteUser'), 4)
  assert.equal(server.count('Reauthenticate'), 2)
  assert.equal(server.count('Refresh'), 0)
  assert.equal(tab.stepUp.question(), null)
})

test('the question says which methods and which level will do', async () => {
  tab.stepUp.subscribe(() => undefined)
  const done = run(tab, 'DeleteMe')
  const { methods, assurance, confirm } = await question()
  assert.deepEqual([methods, assurance], [['TOTP', 'RECOVERY_CODE'], 'AAL2'])
  await assert.rejects(confirm({ totp: '000000' }), /INVALID_CREDENTIALS/)
  await confirm({ totp: code })
  assert.deepEqual(await done, { me: { session: 's1' } })
})

test('a password that does not reach the level leaves the question open', async () => {
  const strong = browser.tab()
  await strong.completeSignIn({ challenge }, { totp: code })
  strong.stepUp.subscribe(() => undefined)
  const done = run(strong, 'DeleteMe')
  const asked = await question(strong)
  await assert.rejects(asked.confirm({ password }), /STEP_UP_REQUIRED/)
  assert.equal(strong.stepUp.question(), asked)
  await asked.confirm({ recoveryCode })
  assert.deepEqual(await done, { me: { session: 's2' } })
})

test('a request that shared the question of a weaker one is asked about itself', async () => {
  tab.stepUp.subscribe(() => undefined)
  const weak = run(tab, 'DeleteUser')
  const asked = await question()
  const strong = run(tab, 'DeleteMe')
  await until(() => server.count('DeleteMe') === 1)
  await turn()
  await asked.confirm({ password })
  assert.deepEqual(await weak, { me: { session: 's1' } })
  await (await question()).confirm({ totp: code })
  assert.deepEqual(await strong, { me: { session: 's1' } })
})

test('the caller gets STEP_UP_REQUIRED when the user cancels', async () => {
  tab.stepUp.subscribe(() => undefined)
  const deleted = run(tab, 'DeleteUser')
  const asked = await question()
  asked.cancel()
  asked.cancel()
  assert.equal(await deleted, 'STEP_UP_REQUIRED')
  assert.equal(server.count('DeleteUser'), 1)
})

test('the caller gets STEP_UP_REQUIRED at once where no dialog listens', async () => {
  assert.equal(await run(tab, 'DeleteUser'), 'STEP_UP_REQUIRED')
  assert.equal(tab.stepUp.question(), null)
})

test('an expired token is refreshed while the password is checked', async () => {
  tab.stepUp.subscribe(() => undefined)
  const deleted = run(tab, 'DeleteUser')
  const asked = await question()
  server.expire()
  await asked.confirm({ password })
  assert.deepEqual(await deleted, { me: { session: 's1' } })
  assert.equal(server.count('Refresh'), 1)
})

test('a question ends with its session, and the request is not sent in the next one', async () => {
  tab.stepUp.subscribe(() => undefined)
  const deleted = run(tab, 'DeleteUser')
  const refused = assert.rejects(deleted, SessionChangedError)
  await question()
  const other = browser.tab()
  await other.restore()
  await other.signOut()
  await other.signIn(() => Promise.resolve(server.login().payload))
  await refused
  assert.equal(tab.stepUp.question(), null)
  assert.equal(server.count('DeleteUser'), 1)
})

for (const [what, now] of [['exact', undefined], ['a day slow', '2020-01-01'], ['years fast', '2090-01-01']] as const) {
  test(`a refresh in another tab does not undo the confirmation: clock ${what}`, async () => {
    if (now) mock.timers.enable({ apis: ['Date'], now: Date.parse(now) })
    const one = await browser.signedIn()
    const two = browser.tab()
    await two.restore()
    one.stepUp.subscribe(() => undefined)
    const deleted = run(one, 'DeleteUser')
    await (await question(one)).confirm({ password })
    await deleted
    await until(() => two.state().credentials?.confirmed === true)
    const { accessToken } = one.state().credentials ?? {}
    await two.refresh()
    assert.equal(two.state().credentials?.confirmed, false)
    await turn()
    assert.deepEqual(await run(one, 'DeleteUser'), { me: { session: one.state().credentials?.session.id } })
    assert.equal(one.state().credentials?.accessToken, accessToken)
    assert.equal(server.count('Reauthenticate'), 1)
  })
}
