// Uses GraphQL clients against the server at the URL in the first argument, which must have no user ada. Each test
// records the requests that the client sends.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client/core'
import { BatchHttpLink } from '@apollo/client/link/batch-http'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { Client, fetchExchange } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'

const [url] = process.argv.slice(2)
const sha256 = (text) => createHash('sha256').update(text).digest('hex')

// recorder returns a fetch function and the requests that it has sent: method, whether with a hash, and status.
function recorder(headers = {}) {
  const sent = []
  const send = async (input, init = {}) => {
    const response = await fetch(input, { ...init, headers: { ...init.headers, ...headers } })
    const hash = `${input}${init.body ?? ''}`.includes('persistedQuery')
    sent.push(`${init.method}${hash ? ' hash' : ''} ${response.status}`)
    return response
  }
  return { sent, send }
}

const { data } = await new Client({ url, exchanges: [fetchExchange], preferGetMethod: false })
  .mutation('mutation { signup(input: {username: "ada", password: "four small green turtles"}) { accessToken } }', {})
const authorization = `Bearer ${data.signup.accessToken}`

test('urql sends queries by GET, unless the URL becomes too long', async () => {
  const { sent, send } = recorder({ authorization })
  const client = new Client({ url, exchanges: [fetchExchange], fetch: send })
  const me = await client.query('query Me($full: Boolean!) { me { username roles @include(if: $full) } }', { full: false })
  assert.deepEqual(me.data, { me: { username: 'ada' } })
  const long = await client.query(`query ${'Long'.repeat(1000)} { me { username } }`, {})
  assert.equal(long.error, undefined)
  const mutation = await client.mutation('mutation { revokeOtherSessions { revokedCount } }', {})
  assert.equal(mutation.error, undefined)
  assert.deepEqual(sent, ['GET 200', 'POST 200', 'POST 200'])
})

test('urql sends the query when the server does not know its hash', async () => {
  for (const preferGetForPersistedQueries of [true, false]) {
    const { sent, send } = recorder({ authorization })
    const client = new Client({
      url, fetch: send, preferGetMethod: false,
      exchanges: [persistedExchange({ preferGetForPersistedQueries }), fetchExchange],
    })
    for (let n = 0; n < 2; n++) {
      const { data } = await client.query('{ me { username } }', {}, { requestPolicy: 'network-only' })
      assert.equal(data?.me.username, 'ada')
    }
    assert.match(sent[0], preferGetForPersistedQueries ? /^GET hash/ : /^POST hash/)
    assert.equal(sent.filter((request) => request.includes('hash')).length, 1)
    assert.equal(sent.length, 3)
  }
})

const apollo = (link) => new ApolloClient({ cache: new InMemoryCache(), link, queryDeduplication: false })
const query = gql`query Me { me { username } }`
const names = gql`query Names { me { fullName } }`

test('Apollo Client sends queries by GET', async () => {
  const { sent, send } = recorder({ authorization })
  const { data } = await apollo(new HttpLink({ uri: url, fetch: send, useGETForQueries: true })).query({ query })
  assert.equal(data.me.username, 'ada')
  assert.deepEqual(sent, ['GET 200'])
})

test('Apollo Client sends the query when the server does not know its hash, and no more hashes', async () => {
  for (const useGETForHashedQueries of [false, true]) {
    for (const [accept, status] of [['application/graphql-response+json', 400], ['application/json', 200]]) {
      const { sent, send } = recorder({ authorization, accept })
      const client = apollo(ApolloLink.from([
        new PersistedQueryLink({ sha256, useGETForHashedQueries }), new HttpLink({ uri: url, fetch: send }),
      ]))
      for (let n = 0; n < 2; n++) {
        const { data } = await client.query({ query, fetchPolicy: 'network-only' })
        assert.equal(data.me.username, 'ada')
      }
      const method = useGETForHashedQueries ? 'GET' : 'POST'
      assert.deepEqual(sent, [`${method} hash ${status}`, 'POST 200', 'POST 200'])
    }
  }
})

test('Apollo Client learns why a batch fails', async () => {
  const { sent, send } = recorder({ authorization })
  const client = apollo(new BatchHttpLink({ uri: url, fetch: send }))
  for (const batch of [[query], [query, names]]) {
    for (const { reason } of await Promise.allSettled(batch.map((query) => client.query({ query })))) {
      assert.match(reason.message, /^Batching is not supported/)
      assert.equal(reason.errors[0].extensions.code, 'BAD_REQUEST')
    }
  }
  assert.deepEqual(sent, ['POST 400', 'POST 400'])
})
