// What a client is told when it is made.

/** Where the refresh token and the device token are kept in token mode. */
export interface TokenStore {
  readonly get: () => string | null | Promise<string | null>
  readonly set: (refreshToken: string | null) => void | Promise<void>
  /** Keeps the device token of a sign-in, also after a sign-out. Send it in the input of the next `login`. */
  readonly setDeviceToken?: (deviceToken: string) => void | Promise<void>
  /** Whether all tabs have the same store. Otherwise each tab has a session of its own. */
  readonly shared?: boolean
}

export interface Options {
  /** The GraphQL endpoint. The access token is sent to no other URL. */
  readonly url: string
  /** Token mode, with its store. Without it the refresh token is in a cookie that no script can read. */
  readonly store?: TokenStore
  /** The operation that refreshes. It takes `$input: RefreshInput!` and selects the payload of `refresh`. */
  readonly refresh?: string
  /** The operation of `completeSignIn`. It takes `$input: CompleteLoginInput!` and selects the payload of `completeLogin`. */
  readonly completeLogin?: string
  /** The operation of `signInWithPasskey`. It takes `$input: LoginWithPasskeyInput!` and selects the payload of `loginWithPasskey`. */
  readonly loginWithPasskey?: string
  /** The operation of `completeProviderLogin`. It takes `$input: CompleteProviderLoginInput!` and selects its payload. */
  readonly completeProviderLogin?: string
  /** The BroadcastChannel. Pages of one origin that keep different payloads need different names. */
  readonly channel?: string
  readonly fetch?: typeof fetch
}
