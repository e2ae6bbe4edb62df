// Uses GraphQL clients against the server at the URL in the first argument, which must have no user ada. Each test
// records the requests that the client sends.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core'
import { Client, fetchExchange } from '@urql/core'

const [url] = process.argv.slice(2)

// recorder returns a fetch function and the requests that it has sent: method and status.
function recorder(headers = {}) {
  const sent = []
  const send = async (input, init = {}) => {
    const response = await fetch(input, { ...init, headers: { ...init.headers, ...headers } })
    sent.push(`${init.method} ${response.status}`)
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

const apollo = (link) => new ApolloClient({ cache: new InMemoryCache(), link, queryDeduplication: false })
const query = gql`query Me { me { username } }`

test('Apollo Client sends queries by GET', async () => {
  const { sent, send } = recorder({ authorization })
  const { data } = await apollo(new HttpLink({ uri: url, fetch: send, useGETForQueries: true })).query({ query })
  assert.equal(data.me.username, 'ada')
  assert.deepEqual(sent, ['GET 200'])
})
