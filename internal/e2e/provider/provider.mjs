// Runs a provider of OpenID Connect for tests, until its standard input ends:
//
//	node provider.mjs PORT REDIRECT_URI...
//
// It has the client `usher` with the secret of the environment variable CLIENT_SECRET. Whoever enters an e-mail address signs in
// as its owner. The addresses of @unverified.example are not verified.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'

import { Provider } from 'oidc-provider'

const [port, ...redirects] = process.argv.slice(2)
const issuer = `http://localhost:${port}`
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })

const provider = new Provider(issuer, {
  clients: [{ client_id: 'usher', client_secret: process.env.CLIENT_SECRET, redirect_uris: redirects }],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { email: ['email', 'email_verified'], profile: ['name'] }, // asked for at the userinfo endpoint
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  renderError: (context, { error, error_description: description }) => { context.body = `${error}: ${description}` },
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, Session: 3600 },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: !id.endsWith('@unverified.example'), name: id.replace(/@.*/, '') }),
  }),
})

/** The page that asks who somebody is, and then whether Usher may know it. */
const page = (prompt) => `<!doctype html>
<html lang="en">
<link rel="icon" href="data:,">
<title>The provider</title>
<h1>The provider</h1>
<form method="post" autocomplete="off">
  ${prompt === 'login' ? '<label>Address there <input name="email"></label> <button>Log in there</button>' : '<button>Allow</button>'}
  <button name="cancel" value="yes">Cancel</button>
</form>
</html>`

async function interact(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response)
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(page(prompt.name))
    return
  }
  const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
  let result
  if (form.has('cancel')) {
    result = { error: 'access_denied', error_description: 'The user cancelled.' }
  } else if (prompt.name === 'login') {
    result = { login: { accountId: form.get('email') } }
  } else {
    const grant = (await provider.Grant.find(grantId)) ?? new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
    grant.addOIDCScope(params.scope)
    result = { consent: { grantId: await grant.save() } }
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: prompt.name === 'consent' && !form.has('cancel') })
}

provider.on('server_error', (_, error) => { console.error(error) })

const handle = provider.callback()
createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return handle(request, response)
  interact(request, response).catch((error) => {
    response.statusCode = 400
    response.end(String(error))
  })
}).listen(Number(port), '127.0.0.1', () => { console.log('listening') })

process.stdin.on('end', () => process.exit()).resume()
