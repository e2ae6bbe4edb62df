// What browsers are asked about passkeys (WebAuthn Level 3).
import { extensionsOf, type PasskeyResponse, UsherError } from 'usher-client'

import { graphql } from '../gql'
import { send, sendAnonymously } from '../send'
import { usher } from '../session'
import { explained } from './problems'
import { signalUnknown } from './signals'

const beginDocument = graphql(`
  mutation ConsoleBeginPasskeyLogin {
    beginPasskeyLogin { challenge options expiresIn }
  }
`)

const logInDocument = graphql(`
  mutation ConsoleLogInWithPasskey($input: LoginWithPasskeyInput!) {
    loginWithPasskey(input: $input) { ...SignIn }
  }
`)

const beginSetupDocument = graphql(`
  mutation ConsoleBeginPasskeySetup {
    beginPasskeySetup { challenge options }
  }
`)

/** What a browser answers. The id is that of the passkey. */
export type Answer = PasskeyResponse & { response: { id: string } }

/** Asks the user for a passkey. Throws an UsherError, and when the signal is aborted its reason. */
export async function askForPasskey(signal: AbortSignal): Promise<Answer> {
  return ask((await sendAnonymously(beginDocument)).beginPasskeyLogin, { signal })
}

/** The browser offers no passkeys by autofill. */
export const noAutofill = new UsherError([], 'This browser does not offer passkeys while you type.')

/**
 * Lets the browser offer passkeys in the field for the user name, and resolves when the user has chosen one. That can take
 * longer than a request is valid, so it is replaced in time while the page is visible.
 */
export async function askByAutofill(signal: AbortSignal): Promise<Answer> {
  if (!await PublicKeyCredential.isConditionalMediationAvailable()) throw noAutofill
  for (;;) {
    await visible(signal)
    const request = (await sendAnonymously(beginDocument)).beginPasskeyLogin
    const turn = new AbortController()
    const end = () => { turn.abort(signal.reason) }
    const timer = setTimeout(end, (request.expiresIn - margin) * 1000)
    signal.addEventListener('abort', end)
    try {
      signal.throwIfAborted()
      return await ask(request, { signal: turn.signal, mediation: 'conditional' })
    } catch (thrown) {
      if (signal.aborted || !turn.signal.aborted) throw thrown
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    }
  }
}

/** How long before its end a request is replaced, in seconds: as long as a user needs for a PIN. */
const margin = 30

/** Resolves when the page can be seen. Pages in the background ask for nothing. */
async function visible(signal: AbortSignal) {
  while (document.hidden) {
    await new Promise<unknown>((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true })
      signal.addEventListener('abort', resolve, { once: true })
    })
    signal.throwIfAborted()
  }
}

async function ask({ challenge, options }: { challenge: string; options: unknown }, how: CredentialRequestOptions): Promise<Answer> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON)
  const credential = await explained('use', publicKey.timeout, () => navigator.credentials.get({ ...how, publicKey }))
  return answerOf(challenge, credential)
}

const answerOf = (challenge: string, credential: Credential): Answer =>
  ({ challenge, response: (credential as PublicKeyCredential).toJSON() })

/** Signs in with a passkey. Throws an UsherError. The browser is told if the server does not know the passkey. */
export async function signInWith(passkey: Answer): Promise<void> {
  try {
    await usher.signIn(async () =>
      (await sendAnonymously(logInDocument, { input: { passkey, session: 'COOKIE' } })).loginWithPasskey)
  } catch (thrown) {
    const refused = thrown instanceof UsherError && thrown.errors.map(extensionsOf).find(({ code }) => code === 'INVALID_CREDENTIALS')
    if (!refused) throw thrown
    if (refused.unknownPasskey) signalUnknown(passkey.response.id)
    throw new UsherError([], refused.unknownPasskey
      ? 'No account has this passkey. It may have been removed. Sign in in another way.'
      : 'This passkey was not accepted. Try again, or sign in in another way.', { cause: thrown })
  }
}

/** Creates a passkey for the signed-in user. Throws an UsherError, and when the signal is aborted its reason. */
export async function createPasskey(signal: AbortSignal): Promise<Answer> {
  const { challenge, options } = (await send(beginSetupDocument)).beginPasskeySetup
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON)
  const credential = await explained('create', publicKey.timeout, () => navigator.credentials.create({ signal, publicKey }))
  return answerOf(challenge, credential)
}
