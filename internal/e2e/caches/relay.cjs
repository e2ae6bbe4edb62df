// Compiles documents with relay-compiler, and runs them with Relay's store against the server at the URL in the first
// argument. The second argument is the schema. The server must have no user ada.
const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const { cpSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { test, after } = require('node:test')
const relayCompiler = require('relay-compiler')
const {
  createOperationDescriptor, Environment, fetchQuery, getRequest, getSingularSelector, Network, RecordSource, Store,
} = require('relay-runtime')

const [url, schema] = process.argv.slice(2)
const source = mkdtempSync(join(tmpdir(), 'relay-'))
after(() => rmSync(source, { recursive: true }))
cpSync(join(__dirname, 'src'), source, { recursive: true })
cpSync(schema, join(source, 'schema.graphql'))
writeFileSync(join(source, 'relay.config.json'), JSON.stringify({ src: './', schema: './schema.graphql', language: 'javascript', eagerEsModules: false }))
execFileSync(relayCompiler, ['relay.config.json'], { cwd: source, stdio: 'inherit' })
const artifact = (name) => require(join(source, '__generated__', `${name}.graphql`))

let token
async function send(query, variables) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  })
  return response.json()
}

// page is a page with an empty store. It returns what a query and a fragment of an object find.
function page() {
  const environment = new Environment({
    network: Network.create((request, variables) => send(request.text, variables)),
    store: new Store(new RecordSource()),
  })
  return {
    run: (query, variables) => fetchQuery(environment, artifact(query), variables, { fetchPolicy: 'network-only' }).toPromise(),
    read(query, variables, root, fragment) {
      const operation = createOperationDescriptor(getRequest(artifact(query)), variables)
      environment.retain(operation)
      const { data } = environment.lookup(operation.fragment)
      return environment.lookup(getSingularSelector(artifact(fragment), data[root])).data
    },
  }
}

test('Relay', async (t) => {
  const password = 'four small green turtles'
  const { data: { signup } } = await send(`mutation { signup(input: {username: "ada", password: "${password}"}) { accessToken } }`)
  for (let i = 0; i < 4; i++) {
    const { data: { login } } = await send(`mutation { login(input: {identifier: "ada", password: "${password}"}) { accessToken } }`)
    assert.ok(login.accessToken)
  }
  const { data: { signup: other } } = await send(`mutation { signup(input: {username: "eve", password: "${password}"}) { user { id } session { id } } }`)
  token = signup.accessToken

  await t.test('refetches a fragment of the user by id', async () => {
    const { run, read } = page()
    const { me } = await run('documentsMeQuery', {})
    const variables = { id: me.id, first: 2 }
    await run('documentsUserQuery', variables)
    const user = read('documentsUserQuery', variables, 'node', 'documents_user')
    assert.equal(user.username, 'ada')
    assert.equal(user.sessions.edges.length, 2)
  })

  await t.test('pages forwards and backwards through a connection', async () => {
    const { me } = await page().run('documentsMeQuery', {})
    const ids = async (size, cursor, end, more) => {
      const { run, read } = page()
      const variables = { id: me.id, [size]: 2 }
      await run('documentsUserQuery', variables)
      for (let pages = 1; ; pages++) {
        const { sessions } = read('documentsUserQuery', { id: me.id }, 'node', 'documents_user')
        if (!sessions.pageInfo[more]) {
          assert.equal(pages, 3)
          return sessions.edges.map((e) => e.node.id)
        }
        await run('documentsUserQuery', { ...variables, [cursor]: sessions.pageInfo[end] })
      }
    }
    const forwards = await ids('first', 'after', 'endCursor', 'hasNextPage')
    const backwards = await ids('last', 'before', 'startCursor', 'hasPreviousPage')
    assert.equal(forwards.length, 5)
    assert.deepEqual(backwards, forwards)
  })

  await t.test('refetches a fragment of a session', async () => {
    const { run, read } = page()
    const { data } = await send('{ me { sessions { edges { node { id current } } } } }')
    for (const { node } of data.me.sessions.edges) {
      await run('documentsSessionQuery', { id: node.id })
      const session = read('documentsSessionQuery', { id: node.id }, 'node', 'documents_session')
      assert.equal(session.current, node.current)
    }
  })

  await t.test("gets nothing of somebody else's", async () => {
    const { run } = page()
    assert.deepEqual(await run('documentsUserQuery', { id: other.user.id, first: 1 }), { node: null })
    assert.deepEqual(await run('documentsSessionQuery', { id: other.session.id }), { node: null })
  })
})
