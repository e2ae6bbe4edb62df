// The second step of a sign-in: the answer to SECOND_FACTOR_REQUIRED.
import { type AuthMethod, extensionsOf, find } from './errors.js'
import type { PasskeyAnswer } from './passkey.js'
import { errorsIn } from './result.js'

/** A sign-in that is waiting for a second factor. */
export interface SecondFactor {
  /** What `completeLogin` takes, with the user's answer. It is secret. */
  readonly challenge: string
  /** The methods that will do, any one of them. A newer server may have methods that this package does not know. */
  readonly methods: readonly AuthMethod[]
  /** For how many seconds the challenge was valid when it was issued. */
  readonly expiresIn: number
}

/**
 * What the user presents to complete a sign-in: a code of an authenticator app, a recovery code, a passkey, or, if `methods`
 * has `EMAIL_CODE`, the code of a mail from `requestLoginCode`.
 */
export type SecondFactorAnswer =
  | { readonly totp: string }
  | { readonly recoveryCode: string }
  | { readonly emailCode: string }
  | PasskeyAnswer

/**
 * Returns the second factor that a sign-in is waiting for, if it failed with SECOND_FACTOR_REQUIRED. It takes what a
 * GraphQL client returned or threw for `login`. Pass it on to `completeSignIn` of the UsherClient.
 */
export function secondFactorOf(result: unknown): SecondFactor | undefined {
  const error = find(errorsIn(result), 'complete sign-in')
  if (!error) return undefined
  const { challenge, methods = [], expiresIn = 0 } = extensionsOf(error)
  return typeof challenge === 'string' ? { challenge, methods, expiresIn } : undefined
}
