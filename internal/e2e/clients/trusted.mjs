// Sends the documents of a manifest with Apollo Client, urql and fetch. The arguments are the URL of the server, which
// accepts only these documents and must have no user ada, and the folder of the code that graphql-codegen generated.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client/core'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { Client, fetchExchange } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import { createJiti } from 'jiti'

const [url, generated] = process.argv.slice(2)
const { MeDocument, SignUpDocument } = await createJiti(import.meta.url).import(join(generated, 'graphql.ts'))
const manifest = JSON.parse(readFileSync(join(generated, 'persisted-documents.json'), 'utf8'))
const idOf = (document) => document.__meta__?.hash
const untrusted = gql`query Names { me { fullName } }`

// recorder returns a fetch function and the requests that it has sent: method, with an id or a document, and status.
function recorder(headers = {}) {
  const sent = []
  const send = async (input, init = {}) => {
    const response = await fetch(input, { ...init, headers: { ...init.headers, ...headers } })
    const { searchParams } = new URL(input)
    const parameters = init.body ? JSON.parse(init.body) : Object.fromEntries(searchParams)
    sent.push(`${init.method}${parameters.extensions ? ' id' : ''}${parameters.query ? ' document' : ''} ${response.status}`)
    return response
  }
  return { sent, send }
}

const post = async (body, headers = {}) => (await fetch(url, {
  method: 'POST', body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
})).json()

const input = { username: 'ada', password: 'four small green turtles' }
const signup = await post({ documentId: idOf(SignUpDocument), variables: { input } })
const authorization = `Bearer ${signup.data.signup.accessToken}`
const ada = { __typename: 'User', id: signup.data.signup.user.id, username: 'ada' }

test('documentId by POST and GET', async () => {
  const documentId = idOf(MeDocument)
  assert.ok(manifest[documentId])
  const { data } = await post({ documentId }, { authorization })
  assert.deepEqual(data.me, ada)
  const response = await fetch(`${url}?${new URLSearchParams({ documentId })}`, { headers: { authorization } })
  assert.deepEqual((await response.json()).data.me, ada)
  const mutation = await fetch(`${url}?${new URLSearchParams({ documentId: idOf(SignUpDocument), variables: JSON.stringify({ input }) })}`)
  assert.equal(mutation.status, 405)
  const unknown = await post({ documentId: 'sha256:00' })
  assert.equal(unknown.errors[0].extensions.code, 'PERSISTED_QUERY_NOT_FOUND')
})

test('Apollo Client', async () => {
  for (const useGETForHashedQueries of [false, true]) {
    const { sent, send } = recorder({ authorization })
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.from([
        new PersistedQueryLink({ generateHash: (document) => idOf(document) ?? 'unknown', useGETForHashedQueries }),
        new HttpLink({ uri: url, fetch: send }),
      ]),
    })
    const { data } = await client.query({ query: MeDocument })
    assert.deepEqual(data.me, ada)
    // The link sends a document with its id only once, and then gives up.
    await assert.rejects(client.query({ query: untrusted }), (error) =>
      CombinedGraphQLErrors.is(error) && error.errors[0].extensions.code === 'DOCUMENT_NOT_TRUSTED')
    await assert.rejects(client.query({ query: untrusted, fetchPolicy: 'network-only' }))
    await client.query({ query: MeDocument, fetchPolicy: 'network-only' })
    const method = useGETForHashedQueries ? 'GET' : 'POST'
    const refused = [`${method} id 400`, 'POST id document 400']
    assert.deepEqual(sent, [`${method} id 200`, ...refused, ...refused, `${method} id 200`])
  }
})

test('urql', async () => {
  for (const enforcePersistedQueries of [true, false]) {
    const { sent, send } = recorder({ authorization })
    const client = new Client({
      url, fetch: send, preferGetMethod: false,
      exchanges: [
        persistedExchange({
          enforcePersistedQueries, enableForMutation: true, preferGetForPersistedQueries: false,
          generateHash: async (_, document) => idOf(document) ?? 'unknown',
        }),
        fetchExchange,
      ],
    })
    const me = await client.query(MeDocument, {})
    assert.deepEqual(me.data.me, ada)
    const taken = await client.mutation(SignUpDocument, { input })
    assert.equal(taken.error.graphQLErrors[0].extensions.code, 'BAD_USER_INPUT')
    const refused = await client.query(untrusted, {})
    assert.equal(refused.error.graphQLErrors[0].extensions.code, enforcePersistedQueries ? 'PERSISTED_QUERY_NOT_FOUND' : 'DOCUMENT_NOT_TRUSTED')
    assert.deepEqual(sent, ['POST id 200', 'POST id 200', 'POST id 400', ...enforcePersistedQueries ? [] : ['POST id document 400']])
  }
})
