// Sign-ins at providers, such as Google or a company's own server of OpenID Connect.
import { find, UsherError } from './errors.js'
import { dataOf, post } from './request.js'
import { secondFactorOf } from './secondfactor.js'

/** A party with whose accounts users can sign in. */
export interface Provider {
  readonly id: string
  /** What to show. */
  readonly name: string
}

/**
 * Why a sign-in at a provider has not led to a session. `cancelled`: the user or the provider refused. `unavailable`: the
 * provider did not answer. `failed`: its answer was not valid. `nothing`: the URL is not that of a return from a provider.
 */
export type ProviderFailure = 'cancelled' | 'unavailable' | 'failed' | 'nothing'

/**
 * How a return from a provider went. `not linked`: the account at the provider is not linked to any account, and one has its
 * e-mail address. Let the user sign in to that account in another way and agree, and then call `link` within 10 minutes.
 */
export type ProviderResult =
  | { readonly outcome: 'done' | ProviderFailure }
  | { readonly outcome: 'not linked'; readonly link: () => Promise<void> }

/** An answer of a provider, as `completeProviderLogin` and `linkIdentity` take it. */
export interface ProviderAnswer {
  readonly code: string
  /** In token mode. */
  readonly codeVerifier: string | null
}

/** What sends the requests of one sign-in at a provider. */
interface Sender {
  readonly fetch: typeof globalThis.fetch
  readonly url: string
}

const providersOperation = 'query Providers { providers { id name } }'
const beginOperation = `mutation BeginProviderLogin($input: BeginProviderLoginInput!) {
  beginProviderLogin(input: $input) { url expiresIn }
}`
const linkOperation = `mutation LinkIdentity($input: LinkIdentityInput!) {
  linkIdentity(input: $input) { identity { id } }
}`

/** Lists the providers of a server. */
export async function listProviders({ fetch, url }: Sender): Promise<readonly Provider[]> {
  return dataOf(await post<{ providers: readonly Provider[] }>(fetch, url, { query: providersOperation })).providers
}

/** Begins a sign-in. Resolves to the URL of the provider. */
export async function begin({ fetch, url }: Sender, provider: string, redirectTo: string, session: 'COOKIE' | 'TOKEN'): Promise<string> {
  // A cookie binds the sign-in to the browser. Without one, PKCE does (RFC 7636).
  const codeChallenge = session === 'TOKEN' ? await newChallenge() : null
  const variables = { input: { provider, redirectTo, session, codeChallenge } }
  const begun = await post<{ beginProviderLogin: { url: string } }>(fetch, url, { query: beginOperation, variables })
  return dataOf(begun).beginProviderLogin.url
}

/** Links the account at a provider to that of the user. */
export async function link({ fetch, url }: Sender, input: ProviderAnswer): Promise<void> {
  dataOf(await post<unknown>(fetch, url, { query: linkOperation, variables: { input } }))
  forgetVerifier()
}

const failures = new Map<string | null | undefined, ProviderFailure>([['access_denied', 'cancelled'], ['temporarily_unavailable', 'unavailable']])

/**
 * Reads the answer of a provider in a URL. Without one, it reads that of the page, and takes the answer out of its address and
 * of the history.
 */
export function readAnswer(url: string | undefined): ProviderAnswer | ProviderFailure {
  const opened = new URL(url ?? location.href)
  const [code, error] = ['code', 'error'].map((name) => opened.searchParams.get(name))
  if (!code && !error) return 'nothing'
  if (url === undefined) {
    for (const name of ['code', 'error']) opened.searchParams.delete(name)
    history.replaceState(history.state, '', opened)
  }
  if (code) return { code, codeVerifier: readVerifier() }
  forgetVerifier()
  return failures.get(error) ?? 'failed'
}

/** Completes a sign-in with functions that send the answer. */
export async function complete(
  answer: ProviderAnswer | ProviderFailure, signIn: (answer: ProviderAnswer) => Promise<void>, linkIt: (answer: ProviderAnswer) => Promise<void>,
): Promise<ProviderResult> {
  if (typeof answer === 'string') return { outcome: answer }
  try {
    await signIn(answer)
  } catch (thrown) {
    if (secondFactorOf(thrown)) forgetVerifier() // the answer is used up
    if (!(thrown instanceof UsherError && find(thrown.errors, 'link identity'))) throw thrown
    return { outcome: 'not linked', link: () => linkIt(answer) }
  }
  forgetVerifier()
  return { outcome: 'done' }
}

// The verifier has to outlive the page, which the browser leaves. Outside of browsers nothing is left.
const key = 'usher-provider-verifier'
let memory: string | null = null
const storage = () => ('sessionStorage' in globalThis ? sessionStorage : undefined)
const readVerifier = () => storage()?.getItem(key) ?? memory

function forgetVerifier(): void {
  memory = null
  storage()?.removeItem(key)
}

/** Makes a code verifier, keeps it, and returns its challenge with the method S256 (RFC 7636 §4). */
async function newChallenge(): Promise<string> {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const kept = storage()
  if (kept) kept.setItem(key, verifier)
  else memory = verifier
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
}

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
