// Whether a user is signed in, and as whom.
import type { UnauthenticatedReason } from './errors.js'

/** What the client needs of the schema's `AuthPayload`. More of it is kept as well. */
export interface Payload {
  readonly accessToken: string
  /** In token mode. */
  readonly refreshToken?: string | null
  /** In token mode, from a sign-in. */
  readonly deviceToken?: string | null
  readonly expiresIn: number
  readonly session: { readonly id: string; readonly authTime?: string | null }
}

/** A payload that is in use. Its refresh token and its device token are not in it. */
export type Credentials<P extends Payload = Payload> = P & {
  /** When the access token expires, in milliseconds by the clock of this machine. */
  readonly expiresAt: number
  /** When the user last confirmed their identity, as far as the access token says. NaN without `authTime`. */
  readonly provedAt: number
  /** Whether the access token is from `reauthenticate`. */
  readonly confirmed: boolean
}

/** The state of a client. Each change makes a new object. */
export interface State<P extends Payload = Payload> {
  /** Whether the server has said yet if the user is signed in. */
  readonly known: boolean
  /** Null if the user is signed out. */
  readonly credentials: Credentials<P> | null
  /** Why the last session ended, if it did not end by a sign-out. */
  readonly ended?: UnauthenticatedReason | undefined
}
