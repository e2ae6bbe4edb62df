import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'

import { Browser, Server, url } from './browser.js'

let server: Server
let browser: Browser

beforeEach(() => {
  server = new Server()
  browser = new Browser(server)
})
afterEach(() => {
  browser.close()
})

test('the access token is sent to the endpoint and to no other URL', async () => {
  const sent: string[] = []
  const tab = await browser.signedIn({
    fetch: (input, init) => {
      const request = new Request(input, init)
      sent.push(`${request.url} ${request.headers.get('authorization') ?? '-'} ${request.credentials}`)
      return Promise.resolve(Response.json({ data: {} }))
    },
  })
  await tab.fetch(new URL(url))
  await tab.fetch(`${url}?operation=Me`)
  await tab.fetch('https://auth.example.com/other')
  await tab.fetch('https://auth.example.com.evil.example/graphql')
  await tab.fetchIn(null)(url)
  assert.deepEqual(sent, [
    'https://auth.example.com/graphql Bearer s1.1 include',
    'https://auth.example.com/graphql?operation=Me Bearer s1.1 include',
    'https://auth.example.com/other - same-origin',
    'https://auth.example.com.evil.example/graphql - same-origin',
    'https://auth.example.com/graphql - include',
  ])
})

test('an Authorization header of the caller is left alone', async () => {
  const tab = await browser.signedIn()
  server.expire()
  const response = await tab.fetch(url, {
    method: 'POST', headers: { Authorization: 'Bearer own' }, body: JSON.stringify({ query: 'query Me { me { session } }' }),
  })
  assert.match(await response.text(), /TOKEN_INVALID/)
  assert.deepEqual(server.log, ['Me own'])
})

test('a Request can be sent again', async () => {
  const tab = await browser.signedIn()
  server.expire()
  const request = new Request(url, { method: 'POST', headers: { 'X-Kept': 'yes' }, body: JSON.stringify({ query: 'query Me { me { session } }' }) })
  const response = await tab.fetch(request)
  assert.deepEqual(await response.json(), { data: { me: { session: 's1' } } })
})
