// Uses an example frontend in a real browser, against a running server:
//
//	node example.mjs FOLDER USHER_URL PAGE_ORIGIN ALLOWED_ORIGIN PROVIDER
//
// The server runs with --dev at a loopback address. Besides the loopback origins it allows ALLOWED_ORIGIN, whose
// name is below site.localhost. PAGE_ORIGIN, at localhost, may use passkeys. PROVIDER is the
// origin of internal/e2e/provider, at which users can sign in. It has the administrator root. Its access tokens expire after one second, plus
// the half minute of leeway for clocks. The tabs that wait for that are opened first and tested last. The clocks
// of all pages stand still, so that it is the server that finds a token expired. It gives no grace to a used
// refresh token.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { answered, complaints, count, gate, launch, open, operation, record, token, until } from './browser.mjs'
import { blank, build, preview } from './servers.mjs'

const [folder, usher, localhost, allowed, provider] = process.argv.slice(2)
const password = 'four small green turtles'
const stop = new AbortController()

let browser, page // the origin of the page that has the server behind it, which is localhost by another name
let built // the folder of the page that calls the server at its own origin
const idle = {} // tabs that wait for their access token to expire, and that token

before(async () => {
  browser = await launch()
  page = await preview(folder, { usher, port: new URL(localhost).port, signal: stop.signal })
  built = await mkdtemp(join(tmpdir(), 'usher-example-'))
  await Promise.all(['queries', 'late', 'mutations', 'tabs', 'ended', 'other'].map(async (name) => {
    idle[name] = await signedUp(`idle-${name}`)
    await click(idle[name].tab, 'Users')
  }))
  const second = await open(browser, page, idle.tabs.tab.context())
  await hello(second, 'idle-tabs')
  const sent = record(second)
  await click(second, 'Users')
  await answered(sent, 1)
  idle.second = { tab: second, token: sent[0].token }
  for (let n = 0; n < 5; n++) await login('idle-mutations')
  await click(idle.mutations.tab, 'Account')
})

after(async () => {
  stop.abort()
  await browser?.close()
  if (built) await rm(built, { recursive: true })
})

afterEach(() => assert.deepEqual(complaints.splice(0), [], 'the console shows problems'))

test('sign-up says under each field what is wrong with it', async () => {
  const tab = await open(browser, page)
  await click(tab, 'Create an account')
  await submit(tab, 'Sign up', { 'User name': 'a b', 'E-mail address': 'nobody', Password: 'short' })
  for (const [field, message] of [['User name', /letters, digits/], ['E-mail address', /plain address/], ['Password', /too short/]]) {
    assert.match(await described(tab, field), message)
  }
  assert.equal(await tab.getByRole('alert').count(), 0)
  await submit(tab, 'Sign up', { 'User name': '', 'E-mail address': '', Password: password })
  await alert(tab, /user name, an e-mail address, or both/)
  await submit(tab, 'Sign up', { 'User name': 'idle-late', Password: password })
  await tab.getByText('This user name is taken.').waitFor()
  await tab.context().close()
})

test('a wrong password is said to be wrong, and nothing is refreshed', async () => {
  await account('grace')
  const tab = await open(browser, page)
  await tab.getByLabel('Password').waitFor()
  const sent = record(tab)
  await submit(tab, 'Sign in', { 'User name': 'grace', Password: 'four small green tortoises' })
  await alert(tab, /password is wrong/)
  assert.deepEqual(count(sent), { Login: 1 })
  await submit(tab, 'Sign in', { Password: password })
  await hello(tab, 'grace')
  await tab.context().close()
})

test('a sign-in, a sign-up and a request for a mail solve the challenge of the server', async () => {
  await account('mary')
  const steps = [
    ['Login', (tab) => submit(tab, 'Sign in', { 'User name': 'mary', Password: password }), (tab) => hello(tab, 'mary')],
    ['Signup', async (tab) => {
      await click(tab, 'Create an account')
      await submit(tab, 'Sign up', { 'User name': 'joan', Password: password })
    }, (tab) => hello(tab, 'joan')],
    ['RequestPasswordReset', async (tab) => {
      await click(tab, 'Forgot password')
      await submit(tab, 'Send a mail', { 'User name': 'mary' })
    }, (tab) => tab.getByLabel('Code').waitFor()],
  ]
  for (const [name, send, done] of steps) {
    const tab = await open(browser, page)
    const sent = record(tab)
    const solution = await askForWork(tab, name)
    await send(tab)
    await tab.getByRole('status').getByText(/your browser is solving a short puzzle/).waitFor()
    assert.equal(await tab.getByRole('alert').count(), 0)
    await done(tab)
    assert.equal(await solution.number, 1_000_000)
    assert.equal(count(sent)[name], 2)
    await tab.context().close()
  }
})

test('a sign-in at a provider signs up, is linked to an account with its address, and can be cancelled', async () => {
  await account('grete', 'grete@example.com')
  for (const email of ['emmy@example.com', 'grete@example.com']) {
    const tab = await open(browser, page)
    await click(tab, 'Continue with Acme')
    await click(tab, 'Cancel')
    await alert(tab, /was cancelled/)
    await click(tab, 'Continue')
    await click(tab, 'Continue with Acme')
    await tab.getByLabel('Address there').fill(email)
    assert.equal(new URL(tab.url()).origin, provider)
    await click(tab, 'Log in there')
    await click(tab, 'Allow')
    if (email === 'emmy@example.com') {
      await hello(tab, email)
    } else {
      await tab.getByText('You have an account with this e-mail address.').waitFor()
      await submit(tab, 'Sign in', { 'User name': 'grete', Password: password })
      await click(tab, 'Link the accounts')
      await hello(tab, 'grete')
    }
    assert.equal(tab.url(), `${page}/`)
    await click(tab, 'Sign out')
    await click(tab, 'Continue with Acme')
    await hello(tab, email === 'emmy@example.com' ? email : 'grete')
    await tab.context().close()
  }
})

test('a reload keeps the sign-in, and no script has the refresh token', async () => {
  const { tab } = await signedUp('reload')
  await tab.reload()
  await hello(tab, 'reload')
  assert.equal(await tab.evaluate(() => document.cookie + JSON.stringify([localStorage, sessionStorage])), '[{},{}]')
  const cookies = (await tab.context().cookies()).map(({ name, httpOnly, sameSite }) => `${name} ${httpOnly} ${sameSite}`)
  assert.deepEqual(cookies.sort(), ['usher_device true Lax', 'usher_refresh true Lax'])
  await tab.context().close()
})

test('the code of a mail verifies the address', async () => {
  const { tab } = await signedUp('coder', page, 'coder@example.com')
  await click(tab, 'Send a mail')
  const { code } = await mail('coder@example.com')
  await submit(tab, 'Verify', { Code: code === '000000' ? '000001' : '000000' })
  await described(tab, 'Code')
  await submit(tab, 'Verify', { Code: code })
  await tab.getByText('is not verified').waitFor({ state: 'detached' })
  await hello(tab, 'coder')
  await tab.context().close()
})

test('a link verifies the address after a click, and keeps the session', async () => {
  const { tab } = await signedUp('clicker', page, 'clicker@example.com')
  await click(tab, 'Send a mail')
  const { link } = await mail('clicker@example.com')
  const other = await open(browser, page, tab.context())
  await hello(other, 'clicker')
  const sent = record(other)
  await other.goto(link)
  const button = other.getByRole('button', { name: 'Verify e-mail address' })
  await button.waitFor()
  assert.equal(other.url(), `${page}/`) // without the token
  assert.deepEqual(count(sent), { Refresh: 1 })
  await button.click()
  await other.getByText('clicker@example.com').waitFor()
  assert.equal(await other.getByText('password was removed').count(), 0)
  await click(other, 'Continue')
  await hello(other, 'clicker')
  assert.equal(await other.getByText('is not verified').count(), 0)
  await tab.context().close()
})

test('a link that is opened without a session verifies the address and removes the password', async () => {
  const { tab } = await signedUp('hijacker', page, 'owner@example.com')
  await click(tab, 'Send a mail')
  const { link } = await mail('owner@example.com')
  const owner = await open(browser, link)
  await click(owner, 'Verify e-mail address')
  await owner.getByText('password was removed').waitFor()
  await click(owner, 'Continue')
  await owner.getByRole('heading', { name: 'Sign in' }).waitFor()
  await owner.context().close()
  await click(tab, 'Users')
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  await tab.context().close()
})

test('a link sets a new password once, ends the other sessions and signs in', async () => {
  const { tab } = await signedUp('forgetful', page, 'forgetful@example.com')
  const forgot = await open(browser, page)
  await click(forgot, 'Forgot password')
  await submit(forgot, 'Send a mail', { 'User name': 'forgetful' })
  await forgot.getByLabel('Code').waitFor()
  const { link } = await mail('forgetful@example.com')

  const reset = await open(browser, link, tab.context()) // where the user is signed in
  assert.equal(reset.url(), `${page}/`)
  await submit(reset, 'Set password', { 'New password': 'short' })
  assert.match(await described(reset, 'New password'), /too short/)
  await submit(reset, 'Set password', { 'New password': 'five large purple whales' })
  await hello(reset, 'forgetful')
  await hello(tab, 'forgetful') // follows into the new session
  assert.equal(await reset.getByText('is not verified').count(), 0)
  await until(async () => (await sessions(reset)) === 1)

  const again = await open(browser, link)
  await submit(again, 'Set password', { 'New password': 'six tiny yellow snails' })
  await again.getByRole('alert').waitFor()
  await again.reload()
  await submit(again, 'Sign in', { 'User name': 'forgetful', Password: password })
  await alert(again, /password is wrong/)
  for (const page of [tab, forgot, again]) await page.context().close()
})

test('the code of a mail sets a new password, and an unknown account looks the same', async () => {
  const { tab } = await signedUp('absent', page, 'absent@example.com')
  await click(tab, 'Sign out')
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor() // a reload before that could cut off the request
  const shown = []
  for (const name of ['nobody@example.com', 'absent@example.com']) {
    await tab.reload()
    await click(tab, 'Forgot password')
    await submit(tab, 'Send a mail', { 'User name': name })
    await tab.getByLabel('Code').waitFor()
    await submit(tab, 'Set password', { Code: 'none', 'New password': 'five large purple whales' })
    shown.push(await described(tab, 'Code'), await tab.getByRole('main').innerText())
  }
  assert.deepEqual(shown.slice(2), shown.slice(0, 2))
  const { code } = await mail('absent@example.com')
  await submit(tab, 'Set password', { Code: code })
  await hello(tab, 'absent')
  await tab.context().close()
})

test('a passkey signs in alone and is the second step after the password, and a device has one', async () => {
  const { tab } = await signedUp('keyholder', localhost)
  const refuse = await authenticator(tab)
  await click(tab, 'Add a passkey')
  await tab.getByText('sign in with the passkey from now on').waitFor()
  assert.equal(await tab.getByRole('status').getByRole('listitem').count(), 10)

  await click(tab, 'Sign out')
  await click(tab, 'Sign in with a passkey')
  await hello(tab, 'keyholder')
  await click(tab, 'Add a passkey')
  await alert(tab, /a passkey on this device already/)

  await click(tab, 'Sign out')
  await submit(tab, 'Sign in', { 'User name': 'keyholder', Password: password })
  await click(tab, 'Use a passkey')
  await hello(tab, 'keyholder')

  await click(tab, 'Sign out')
  await refuse()
  await click(tab, 'Sign in with a passkey')
  await alert(tab, /^No passkey was used/)
  await tab.context().close()
})

test('a recovery code replaces a passkey', async () => {
  const { tab } = await signedUp('keyless', localhost)
  await authenticator(tab)
  await click(tab, 'Add a passkey')
  const code = await tab.getByRole('status').getByRole('listitem').first().innerText()
  await click(tab, 'Sign out')
  await submit(tab, 'Sign in', { 'User name': 'keyless', Password: password })
  await submit(tab, 'Sign in', { 'Recovery code': code })
  await hello(tab, 'keyless')
  await tab.context().close()
})

test('where browsers allow no passkeys, the page says so', async () => {
  const tab = await open(browser, page) // at an IP address
  await click(tab, 'Sign in with a passkey')
  await alert(tab, /does not support passkeys on this page/)
  await tab.context().close()
})

test('a user is refused the list of users', async () => {
  const { tab } = await signedUp('curious')
  const sent = record(tab)
  await click(tab, 'Users')
  await alert(tab, /not allowed/)
  assert.equal(await tab.getByRole('table').count(), 0)
  assert.deepEqual(count(sent), { Users: 1 })
  await tab.context().close()
})

test('an administrator searches the users and turns their pages', async () => {
  for (let n = 1; n <= 12; n++) await account(`page${String(n).padStart(2, '0')}`)
  const tab = await open(browser, page)
  await submit(tab, 'Sign in', { 'User name': 'root', Password: password })
  await hello(tab, 'root')
  await click(tab, 'Users')
  await tab.getByRole('searchbox').fill('page')
  await click(tab, 'Search')
  const names = () => tab.locator('tbody td:first-child').allTextContents()
  const shows = (first, length) => until(async () => {
    const list = await names()
    return list[0] === first && list.length === length
  })
  await shows('page12', 10)
  await click(tab, 'Next')
  await shows('page02', 2)
  assert.ok(await tab.getByRole('button', { name: 'Next' }).isDisabled())
  await click(tab, 'Previous')
  await shows('page12', 10)
  await tab.context().close()
})

test('a session that was ended elsewhere signs the tab out at its next request', async () => {
  const { tab } = await signedUp('elsewhere')
  await endSessions('elsewhere')
  const sent = record(tab)
  await click(tab, 'Users')
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.deepEqual(count(sent), { Users: 1 })
  await tab.reload()
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.deepEqual((await tab.context().cookies()).map(({ name }) => name), ['usher_device']) // the device stays known
  await tab.context().close()
})

test('log-out ends the session', async () => {
  const { tab, token } = await signedUp('leaver')
  await click(tab, 'Sign out')
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.deepEqual((await tab.context().cookies()).map(({ name }) => name), ['usher_device']) // the device stays known
  assert.equal(await refusal(token), 'SESSION_ENDED')
  await tab.reload()
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  await tab.context().close()
})

test('a server that is away signs nobody out', async () => {
  const { tab } = await signedUp('offline')
  await tab.route('**/graphql', (route) => route.abort())
  await tab.reload()
  await alert(tab, /cannot be reached/)
  await tab.unroute('**/graphql')
  await click(tab, 'Try again')
  await hello(tab, 'offline')
  assert.match(complaints.splice(0).join(), /ERR_FAILED/) // the browser says it, not the page
  await tab.context().close()
})

test('why nobody can be signed in is said in the words of the server', async () => {
  const { tab } = await signedUp('patient')
  await tab.route('**/graphql', (route) => route.fulfill({ json: {
    data: null,
    errors: [{ message: 'Too many at once.', extensions: { code: 'SERVICE_UNAVAILABLE', retryAfter: 3 } }],
  } }))
  await tab.reload()
  await alert(tab, /^Too many at once\. Try again in 3 s\.$/)
  await tab.unroute('**/graphql')
  await click(tab, 'Try again')
  await hello(tab, 'patient')
  await tab.context().close()
})

test('a browser without Web Locks, as on plain http, stays signed in', async () => {
  const { tab } = await signedUp('lockless')
  await tab.addInitScript(() => { delete Navigator.prototype.locks })
  await tab.reload()
  assert.equal(await tab.evaluate(() => 'locks' in navigator), false)
  await hello(tab, 'lockless')
  await tab.context().close()
})

test('behind the proxy the page is of the origin of the server, for old browsers too', async () => {
  const answer = await fetch(`${page}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: page }, // and no Sec-Fetch-Site
    body: body('mutation ($i: SignupInput!) { signup(input: $i) { refreshToken } }', { i: { username: 'elder', password, session: 'COOKIE' } }),
  })
  assert.deepEqual(await answer.json(), { data: { signup: { refreshToken: null } } })
  assert.match(answer.headers.get('set-cookie'), /^usher_refresh=urt_/)
})

test('a page at a loopback address works from its own origin, and at another name it does not', async () => {
  await build(folder, usher, built)
  const foreign = await preview(folder, { outDir: built, signal: stop.signal })
  const { tab } = await signedUp('abroad', foreign)
  await tab.reload()
  await hello(tab, 'abroad')

  const stranger = await open(browser, foreign.replace('127.0.0.1', '127.0.0.1.localhost'), tab.context())
  await alert(stranger, /cannot be reached/)
  assert.match(complaints.splice(0).join(), /blocked by CORS policy/)

  await tab.reload() // the cookie was not used up
  await hello(tab, 'abroad')
  await tab.context().close()
})

test('a page may send the headers of clients and monitoring tools, and the browser names one that it may not', async () => {
  const tab = await open(browser, `http://127.0.0.1:${await blank(stop.signal)}`)
  const attempt = { target: `${usher}/graphql`, body: body('{ __typename }') }
  const headers = {
    'apollographql-client-name': 'web', 'apollo-require-preflight': '1', 'sentry-trace': '1', baggage: 'a=1', traceparent: '00', 'x-datadog-origin': 'rum',
  }
  assert.match(await tab.evaluate(fetchJSON, { ...attempt, headers }), /"Query"/)
  assert.equal(await tab.evaluate(fetchJSON, { ...attempt, headers: { ...headers, 'x-tenant': '1' } }), 'TypeError')
  assert.match(complaints.splice(0).join(), /header field x-tenant is not allowed by Access-Control-Allow-Headers/)
  await tab.context().close()
})

test('pages of other sites and origins can neither refresh nor sign in', async () => {
  await account('mallory')
  // Of the attackers one is of another site, the other of the same site, so that the browser sends it the cookie.
  const [api, home] = [usher, page].map((url) => url.replace('127.0.0.1', 'auth.site.localhost'))
  const { tab } = await signedUp('victim', home)
  const cookies = JSON.stringify(await tab.context().cookies())
  const port = await blank(stop.signal)
  const login = (target) => ({ target, body: body('mutation ($i: LoginInput!) { login(input: $i) { user { id } } }', {
    i: { identifier: 'mallory', password, session: 'COOKIE' },
  }) })
  const refresh = (target) => ({ target, body: body('mutation { refresh(input: { session: COOKIE }) { accessToken } }') })
  for (const origin of [`http://evil.localhost:${port}`, `http://evil.site.localhost:${port}`]) {
    for (const server of [api, home]) {
      const attacker = await open(browser, origin, tab.context())
      for (const attempt of [login(`${server}/graphql`), refresh(`${server}/graphql`)]) {
        assert.equal(await attacker.evaluate(fetchJSON, attempt), 'TypeError', `${origin} reads an answer of ${server}`)
        for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
          const answer = attacker.waitForResponse(attempt.target)
          await attacker.evaluate(fetchSimple, { ...attempt, type })
          assert.equal((await answer).status(), 415)
          await attacker.goto(origin)
          const [shown] = await Promise.all([attacker.waitForNavigation(), attacker.evaluate(postForm, { ...attempt, type })])
          assert.equal(shown.status(), 415)
          await attacker.goto(origin)
        }
        const query = encodeURIComponent(JSON.parse(attempt.body).query)
        const answer = await attacker.goto(`${attempt.target}?query=${query}`)
        assert.equal(answer.status(), 405)
        await attacker.goto(origin)
      }
      await attacker.close()
      assert.equal(JSON.stringify(await tab.context().cookies()), cookies, `${origin} has changed the cookie`)
    }
  }
  for (const complaint of complaints.splice(0)) assert.match(complaint, /CORS policy|ERR_FAILED|status of 4\d\d/)
  await blank(stop.signal, new URL(allowed).port)
  const friend = await open(browser, allowed, tab.context())
  assert.match(await friend.evaluate(fetchJSON, { target: `${api}/graphql`, body: body('{ __typename }') }), /"Query"/)
  await tab.reload()
  await hello(tab, 'victim')
  await tab.context().close()
})

test('queries in parallel that meet an expired token cause one refresh', async () => {
  const { tab, token: stale } = await expired('queries')
  const sent = record(tab)
  await click(tab, 'Account')
  await answered(sent, 5)
  assert.deepEqual(count(sent), { Me: 2, Sessions: 2, Refresh: 1 })
  for (const { name, codes, token } of sent) {
    assert.equal(codes, token === stale ? 'UNAUTHENTICATED' : '', name)
  }
  assert.equal(await tab.getByRole('alert').count(), 0)
  await tab.context().close()
})

test('a request that fails after the refresh does not cause another one', async () => {
  const { tab, token: stale } = await expired('late')
  const refreshed = gate()
  await tab.route('**/graphql', async (route) => {
    const request = route.request()
    if (operation(request) !== 'Sessions' || token(request) !== stale) return route.continue()
    const response = await route.fetch()
    await refreshed.passed
    await route.fulfill({ response })
  })
  const sent = record(tab)
  await click(tab, 'Account')
  await until(() => count(sent).Me === 2)
  refreshed.open()
  await answered(sent, 5)
  assert.deepEqual(count(sent), { Me: 2, Sessions: 2, Refresh: 1 })
  await tab.context().close()
})

test('mutations in parallel that meet an expired token cause one refresh', async () => {
  const { tab } = await expired('mutations')
  const buttons = tab.getByRole('button', { name: 'Revoke' })
  assert.equal(await buttons.count(), 5)
  const sent = record(tab)
  await buttons.evaluateAll((all) => all.forEach((button) => button.click()))
  await until(async () => (await buttons.count()) === 0)
  assert.equal(count(sent).RevokeSession, 10)
  assert.equal(count(sent).Refresh, 1)
  assert.equal(await tab.getByRole('alert').count(), 0)
  await tab.context().close()
})

test('two tabs that need a refresh at the same time refresh once', async () => {
  const { tab: first } = await expired('tabs')
  const { tab: second } = await expired('second')

  // The first tab's refresh is sent only after the second tab wants one too, which has to wait for it.
  const wanted = gate()
  await first.route('**/graphql', async (route) => {
    if (operation(route.request()) === 'Refresh') await wanted.passed
    await route.continue()
  })
  const [sent, sentBySecond] = [record(first), record(second)]
  await click(first, 'Account')
  await until(() => count(sent).Refresh === 1)
  await click(second, 'Account')
  await until(() => second.evaluate(async () => (await navigator.locks.query()).pending.length === 1))
  assert.deepEqual(count(sentBySecond), { Me: 1, Sessions: 1 })
  wanted.open()
  await answered(sent, 5)
  assert.deepEqual(count(sent), { Me: 2, Sessions: 2, Refresh: 1 })
  await answered(sentBySecond, 4)
  assert.deepEqual(count(sentBySecond), { Me: 2, Sessions: 2 }) // with the token of the first tab
  for (const list of [sent, sentBySecond]) assert.equal(list.filter(({ codes }) => codes === '').length, list.length - 2)
  for (const tab of [first, second]) {
    await tab.reload()
    await hello(tab, 'idle-tabs')
  }
  await first.context().close()
})

test('a refresh that is refused signs the tab out', async () => {
  const { tab } = await expired('ended')
  await endSessions('idle-ended')
  const sent = record(tab)
  await click(tab, 'Account')
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.deepEqual(count(sent), { Me: 1, Sessions: 1, Refresh: 1 })
  await tab.context().close()
})

test('a sign-out and the next sign-in reach the other tabs at once', async () => {
  const { tab } = await signedUp('former')
  await account('successor')
  const other = await open(browser, page, tab.context())
  await hello(other, 'former')
  const sent = record(tab)
  await click(other, 'Sign out')
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.deepEqual(count(sent), {})
  await submit(other, 'Sign in', { 'User name': 'successor', Password: password })
  await hello(tab, 'successor')
  await tab.getByText('this session').waitFor()
  assert.deepEqual(count(sent), { Me: 1, Sessions: 1 })
  await tab.context().close()
})

test('a tab that missed a sign-in in another one follows at its refresh, and sends nothing twice', async () => {
  const { tab } = await expired('other')
  await account('stranger')
  const elsewhere = await open(browser, page) // its cookie takes the place of the tab's, without a message
  await submit(elsewhere, 'Sign in', { 'User name': 'stranger', Password: password })
  await hello(elsewhere, 'stranger')
  await tab.context().addCookies(await elsewhere.context().cookies())
  await elsewhere.context().close()
  const sent = record(tab)
  await click(tab, 'Account')
  await hello(tab, 'stranger')
  await tab.getByText('this session').waitFor()
  // What was refused is not sent in the other session. Its own page asks for it.
  assert.deepEqual(count(sent), { Me: 2, Sessions: 2, Refresh: 1 })
  await tab.context().close()
})

/** Signs up in a tab of its own; the token is the one that the tab holds then. */
async function signedUp(name, url = page, email = '') {
  const tab = await open(browser, url)
  const sent = record(tab)
  await click(tab, 'Create an account')
  await submit(tab, 'Sign up', { 'User name': name, 'E-mail address': email, Password: password })
  await hello(tab, name)
  await tab.getByText('this session').waitFor()
  return { tab, token: sent.at(-1).token }
}

/** Gives a tab a device that creates passkeys and verifies its user without asking. Returns how to refuse that. */
async function authenticator(tab) {
  const client = await tab.context().newCDPSession(tab)
  await client.send('WebAuthn.enable')
  const { authenticatorId } = await client.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
  } })
  return () => client.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
}

/** Waits for the only mail to an address, and returns its link, at the page of this test, and its code. */
async function mail(address) {
  const mailbox = async (query = '') => (await fetch(`${usher}/mailbox.json${query}`)).json()
  let mails
  await until(async () => (mails = (await mailbox()).filter(({ to }) => to === address)).length > 0)
  assert.equal(mails.length, 1)
  const { text } = await mailbox(`?id=${mails[0].id}`)
  const { pathname, hash } = new URL(text.match(/http\S+#token=[\w-]+/)[0])
  return { link: page + pathname + hash, code: text.match(/^\s*(\d{6})\s*$/m)[1] }
}

/** How many sessions a tab lists. */
const sessions = (tab) => tab.getByRole('region', { name: 'Sessions' }).getByRole('listitem').count()

/** Waits until the token of an idle tab is refused for its age. */
async function expired(name) {
  await until(async () => (await refusal(idle[name].token)) === 'TOKEN_EXPIRED')
  return idle[name]
}

const click = (tab, name) => tab.getByRole('button', { name, exact: true }).click()
const hello = (tab, name) => tab.getByRole('heading', { name: `Hello ${name}`, exact: true }).waitFor()
const alert = (tab, text) => tab.getByRole('alert').filter({ hasText: text }).waitFor()

async function submit(tab, button, inputs) {
  for (const [label, value] of Object.entries(inputs)) await tab.getByLabel(label).fill(value)
  await click(tab, button)
}

/**
 * Answers an operation with a challenge, in the server's place. Resolves to an object with the number of the solution.
 * The server ignores a solution that it did not ask for.
 */
async function askForWork(tab, name) {
  const number = 1_000_000
  const salt = '0123456789abcdef01234567?expires=4000000000&field=Mutation.any&'
  const challenge = createHash('sha256').update(`${salt}${number}`).digest('hex')
  const asked = { algorithm: 'SHA-256', challenge, salt, maxnumber: number, signature: 'signed' }
  const found = gate()
  await tab.route('**/graphql', async (route) => {
    if (operation(route.request()) !== name) return route.fallback()
    const { challengeSolution } = route.request().postDataJSON().variables.input
    if (!challengeSolution) {
      const error = { message: 'Solve the challenge first.', extensions: { code: 'CHALLENGE_REQUIRED', challenge: asked } }
      return route.fulfill({ json: { data: null, errors: [error] } })
    }
    found.open(JSON.parse(atob(challengeSolution)).number)
    return route.fallback()
  })
  return { number: found.passed }
}

/** Waits until a field is said to be wrong, and returns what is said. */
async function described(tab, label) {
  const id = await tab.locator('input[aria-invalid=true]').and(tab.getByLabel(label)).getAttribute('aria-describedby')
  return tab.locator(`[id="${id}"]`).innerText()
}

const body = (query, variables) => JSON.stringify({ query, variables })

/** Asks the server without a browser. */
async function ask(query, variables, token) {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
  const response = await fetch(`${usher}/graphql`, { method: 'POST', headers, body: body(query, variables) })
  return response.json()
}

async function account(username, email = null) {
  const { errors } = await ask('mutation ($i: SignupInput!) { signup(input: $i) { user { id } } }', { i: { username, email, password } })
  assert.equal(errors, undefined)
}

async function login(identifier) {
  const { data } = await ask('mutation ($i: LoginInput!) { login(input: $i) { accessToken } }', { i: { identifier, password } })
  return data.login.accessToken
}

/** Ends a user's sessions from another device. */
async function endSessions(name) {
  const { data } = await ask('mutation { revokeOtherSessions { revokedCount } }', {}, await login(name))
  assert.notEqual(data.revokeOtherSessions.revokedCount, 0)
}

/** Why an access token is refused; undefined if it is not. */
async function refusal(token) {
  const { errors } = await ask('{ me { id } }', {}, token)
  return errors?.[0].extensions.reason
}

// What a hostile page does. These run in the browser.

const fetchJSON = ({ target, body, headers }) =>
  fetch(target, { method: 'POST', credentials: 'include', headers: { ...headers, 'Content-Type': 'application/json' }, body })
    .then((response) => response.text(), (error) => error.name)

const fetchSimple = ({ target, body, type }) =>
  fetch(target, { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'Content-Type': type }, body }).then(() => undefined)

function postForm({ target, body, type }) {
  const form = document.createElement('form')
  Object.assign(form, { method: 'POST', action: target, enctype: type })
  const input = document.createElement('input')
  // As text/plain this is sent as `name=value`, which makes JSON of it.
  Object.assign(input, { name: `${body.slice(0, -1)},"x":"`, value: '"}' })
  form.append(input)
  document.body.append(form)
  form.submit()
}
