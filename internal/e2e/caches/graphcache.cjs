// Uses the normalized cache of urql, which knows the schema, against the server at the URL in the first argument. The
// second argument is the schema. The server must have no user grace.
const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { test } = require('node:test')
const { Client, fetchExchange } = require('@urql/core')
const { cacheExchange } = require('@urql/exchange-graphcache')
const { relayPagination } = require('@urql/exchange-graphcache/extras')
const { buildSchema, introspectionFromSchema } = require('graphql')

const [url, schemaFile] = process.argv.slice(2)
const schema = introspectionFromSchema(buildSchema(readFileSync(schemaFile, 'utf8')))

test('graphcache', async (t) => {
  const warnings = []
  t.mock.method(console, 'warn', (...args) => warnings.push(args.join(' ')))
  t.mock.method(console, 'error', (...args) => warnings.push(args.join(' ')))
  const sent = []
  let token
  const client = new Client({
    url,
    fetch: (input, init) => {
      sent.push(init.method)
      return fetch(input, init)
    },
    fetchOptions: () => ({ headers: token ? { authorization: `Bearer ${token}` } : {} }),
    exchanges: [
      cacheExchange({
        schema,
        resolvers: {
          User: { sessions: relayPagination() },
          Query: { node: (_, { id }, cache) => ['User', 'Session'].map((type) => ({ __typename: type, id })).find((key) => cache.resolve(key, 'id')) },
        },
      }),
      fetchExchange,
    ],
    preferGetMethod: false,
  })
  const ok = ({ data, error }) => {
    assert.equal(error, undefined)
    return data
  }
  const password = 'four small green turtles'
  const { signup } = ok(await client.mutation(
    'mutation ($p: Password!) { signup(input: {username: "grace", password: $p}) { accessToken user { id username } session { id } } }', { p: password }))
  token = signup.accessToken
  for (let i = 0; i < 2; i++) {
    ok(await client.mutation('mutation ($p: Password!) { login(input: {identifier: "grace", password: $p}) { session { id } user { id } } }', { p: password }))
  }

  const list = 'query ($after: String) { me { id sessions(first: 2, after: $after) { edges { node { id current } } pageInfo { hasNextPage endCursor } } } }'
  const first = ok(await client.query(list, {}))
  const all = ok(await client.query(list, { after: first.me.sessions.pageInfo.endCursor }))
  assert.equal(all.me.sessions.edges.length, 3)

  // What the cache has, it reads by id without a request.
  const before = sent.length
  const { node } = ok(await client.query('query ($id: ID!) { node(id: $id) { __typename id ... on User { username } } }', { id: signup.user.id }))
  assert.deepEqual(node, { __typename: 'User', id: signup.user.id, username: 'grace' })
  const session = ok(await client.query('query ($id: ID!) { node(id: $id) { ... on Node { id } ... on Session { current } } }', { id: signup.session.id }))
  assert.equal(session.node.current, true)
  assert.equal(sent.length, before)

  // A mutation changes the object for all who have it.
  const updated = client.query('{ me { id fullName } }', {})
  ok(await updated)
  ok(await client.mutation('mutation { updateMe(input: {fullName: "Grace"}) { user { id fullName } } }', {}))
  assert.equal(ok(await client.query('{ me { id fullName } }', {})).me.fullName, 'Grace')
  // There is none about objects without a key, though no keys are configured.
  assert.deepEqual(warnings, [])
})
