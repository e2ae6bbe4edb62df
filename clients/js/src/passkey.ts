// Passkeys: what the browser and the server ask of each other (WebAuthn Level 3).
import { dataOf, post } from './request.js'

/** What a browser answers to a request for a passkey: the input `PasskeyResponseInput`. */
export interface PasskeyResponse {
  /** The `challenge` of the request. */
  readonly challenge: string
  /** The credential as JSON, from its `toJSON()`: AuthenticationResponseJSON or RegistrationResponseJSON. */
  readonly response: object
}

/** A passkey as the answer to a second factor or to a step-up. It can be used once. */
export interface PasskeyAnswer {
  readonly passkey: PasskeyResponse
}

/**
 * The result of asking the browser. `cancelled`: the user cancelled, took too long or has no passkey for this site. Browsers do
 * not say which, so that pages do not learn it. `not supported`: the browser has no passkeys, or allows none on this page.
 * Pages need https, or http at localhost, and a domain that may use the passkeys of the server (`USHER_PASSKEY_ORIGINS`).
 */
export type PasskeyResult<T = unknown> = ({ readonly outcome: 'done' } & T) | { readonly outcome: 'cancelled' | 'not supported' }

/** A passkey that was set up. */
export interface AddedPasskey {
  readonly passkey: { readonly id: string; readonly name: string | null }
  /** To show once, to print or to write down. Null if the user has recovery codes already. */
  readonly recoveryCodes: readonly string[] | null
}

/** How the set-up of a passkey went. `already set up`: the user has a passkey on this device, or wherever else they looked. */
export type PasskeySetupResult = PasskeyResult<AddedPasskey> | { readonly outcome: 'already set up' }

interface PasskeyRequest<TOptions> {
  readonly challenge: string
  readonly options: TOptions
}

const beginLoginOperation = 'mutation BeginPasskeyLogin { beginPasskeyLogin { challenge options } }'
const beginSetupOperation = 'mutation BeginPasskeySetup { beginPasskeySetup { challenge options } }'
const confirmSetupOperation = `mutation ConfirmPasskeySetup($input: ConfirmPasskeySetupInput!) {
  confirmPasskeySetup(input: $input) { factor { id name } recoveryCodes }
}`

/** Asks the browser for a passkey of the server. */
export async function askForPasskey(fetch: typeof globalThis.fetch, url: string): Promise<PasskeyResult<{ readonly answer: PasskeyAnswer }>> {
  if (!isSupported()) return { outcome: 'not supported' }
  const begun = await post<{ beginPasskeyLogin: PasskeyRequest<PublicKeyCredentialRequestOptionsJSON> }>(fetch, url, { query: beginLoginOperation })
  const { challenge, options } = dataOf(begun).beginPasskeyLogin
  return respond(challenge, failures, () =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }))
}

/** Creates a passkey in the browser and sets it up. */
export async function setUpPasskey(fetch: typeof globalThis.fetch, url: string, name: string | undefined): Promise<PasskeySetupResult> {
  if (!isSupported()) return { outcome: 'not supported' }
  const begun = await post<{ beginPasskeySetup: PasskeyRequest<PublicKeyCredentialCreationOptionsJSON> }>(fetch, url, { query: beginSetupOperation })
  const { challenge, options } = dataOf(begun).beginPasskeySetup
  const created = await respond(challenge, { ...failures, InvalidStateError: 'already set up' } as const, () =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }))
  if (created.outcome !== 'done') return created
  const variables = { input: { ...created.answer, name } }
  const confirmed = await post<{ confirmPasskeySetup: { factor: AddedPasskey['passkey']; recoveryCodes: string[] | null } }>(
    fetch, url, { query: confirmSetupOperation, variables })
  const { factor, recoveryCodes } = dataOf(confirmed).confirmPasskeySetup
  return { outcome: 'done', passkey: factor, recoveryCodes }
}

// Browsers have both functions for JSON or none of them. Pages without https have no PublicKeyCredential.
const isSupported = () => 'PublicKeyCredential' in globalThis && 'parseRequestOptionsFromJSON' in PublicKeyCredential

/** What the exceptions of browsers mean (§5.1.3, §5.1.4). All others are faults of the page or the server. */
const failures = {
  NotAllowedError: 'cancelled',
  AbortError: 'cancelled',
  SecurityError: 'not supported', // the domain of the page
  NotSupportedError: 'not supported', // the algorithms
  ConstraintError: 'not supported', // no authenticator that verifies its user
} as const

/** Returns the answer of the browser, or what its exception means. */
async function respond<TOutcome extends string>(
  challenge: string, meanings: Readonly<Record<string, TOutcome>>, ask: () => Promise<Credential | null>,
) {
  try {
    const credential = (await ask()) as PublicKeyCredential // null only for other kinds of requests
    return { outcome: 'done', answer: { passkey: { challenge, response: credential.toJSON() } } } as const
  } catch (thrown) {
    const outcome = thrown instanceof DOMException && Object.hasOwn(meanings, thrown.name) ? meanings[thrown.name] : undefined
    if (outcome === undefined) throw thrown
    return { outcome }
  }
}
