// The session of a user: access token, refresh, sign-in and sign-out, in all tabs of a browser.
import { dataOf, post } from './request.js'
import { extensionsOf, find, type GraphQLError, SessionChangedError, type UnauthenticatedReason, UsherError } from './errors.js'
import { exclusive } from './lock.js'
import type { Options } from './options.js'
import { askForPasskey, type PasskeyAnswer, type PasskeyResult, type PasskeySetupResult, setUpPasskey } from './passkey.js'
import { begin, complete, link, listProviders, type Provider, type ProviderAnswer, type ProviderFailure, type ProviderResult, readAnswer } from './provider.js'
import type { SecondFactor, SecondFactorAnswer } from './secondfactor.js'
import type { Credentials, Payload, State } from './state.js'
import { type Confirmation, createStepUp, type StepUp } from './stepup.js'

interface Message<P extends Payload> {
  readonly credentials: Credentials<P> | null
  /** The session that began or ended. */
  readonly session: string
  readonly ended?: UnauthenticatedReason | undefined
}

interface Sending {
  /** Runs each attempt. */
  readonly turn?: <T>(task: () => Promise<T>) => Promise<T>
  /** How often the user may be asked to confirm their identity. */
  readonly asks?: number
}

/** Twice, because a request can share the question of one for which a weaker method will do. */
const maxAsks = 2

/** How long a tab waits for a message that was sent before its lock was granted, in milliseconds. */
const messageTimeout = 500

const refreshOperation = `mutation Refresh($input: RefreshInput!) {
  refresh(input: $input) { accessToken refreshToken expiresIn session { id } }
}`
const completeLoginOperation = `mutation CompleteLogin($input: CompleteLoginInput!) {
  completeLogin(input: $input) { accessToken refreshToken deviceToken expiresIn session { id } }
}`
const loginWithPasskeyOperation = `mutation LoginWithPasskey($input: LoginWithPasskeyInput!) {
  loginWithPasskey(input: $input) { accessToken refreshToken deviceToken expiresIn session { id } }
}`
const completeProviderLoginOperation = `mutation CompleteProviderLogin($input: CompleteProviderLoginInput!) {
  completeProviderLogin(input: $input) { accessToken refreshToken deviceToken expiresIn session { id } }
}`
const reauthenticateOperation = `mutation Reauthenticate($input: ReauthenticateInput!) {
  reauthenticate(input: $input) { accessToken expiresIn session { id } }
}`

/** Keeps a user signed in. A page makes one. */
export class UsherClient<P extends Payload = Payload> {
  /** The question for the password or a code, if a request needs it. */
  readonly stepUp: StepUp
  readonly #ask: (session: string, required: GraphQLError) => Promise<boolean>
  readonly #options: Options
  readonly #tabs: BroadcastChannel | undefined
  readonly #listeners = new Set<() => void>()
  #state: State<P> = { known: false, credentials: null }
  #refreshing: Promise<boolean> | undefined

  constructor(options: Options) {
    this.#options = options
    const { stepUp, ask } = createStepUp({
      isCurrent: (session) => this.#isCurrent(session),
      subscribe: this.subscribe,
      reauthenticate: (session, input) => this.#reauthenticate(session, input),
    })
    this.stepUp = stepUp
    this.#ask = ask
    if ('BroadcastChannel' in globalThis && (!options.store || options.store.shared)) {
      this.#tabs = new BroadcastChannel(options.channel ?? 'usher-session')
      this.#tabs.onmessage = ({ data }: MessageEvent<Message<P>>) => { this.#receive(data) }
    }
  }

  /** Returns the state. */
  readonly state = (): State<P> => this.#state

  /** Calls a listener after each change of the state. Returns how to stop. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** `fetch` in the session that is current when it is called. */
  readonly fetch: typeof fetch = (input, init) => this.#send(this.#state.credentials?.session.id ?? null, input, init)

  /**
   * Returns a `fetch` for one session, or with null for none. It sends the access token. It refreshes a stale
   * one and lets the user confirm their identity when it must, and then sends the request again. It rejects with a
   * SessionChangedError instead of sending a request in another session.
   */
  fetchIn(session: string | null): typeof fetch {
    return (input, init) => this.#send(session, input, init)
  }

  /** Finds out whether the user is signed in, when the page loads. Throws an UsherError if that failed. */
  restore(): Promise<boolean> {
    return this.#state.known ? Promise.resolve(this.#state.credentials !== null) : this.refresh()
  }

  /**
   * Signs in with what a task returns: the payload of `signup` or `login`, or nothing if it failed. While it
   * runs, no other tab changes the cookie. It must send its request with `fetchIn(null)`, which never waits
   * for a refresh. The input's `session` is COOKIE, or TOKEN in token mode.
   */
  signIn(task: () => Promise<P | null | undefined>): Promise<boolean> {
    return exclusive(async () => {
      const payload = await task()
      if (!payload) return false
      const { store } = this.#options
      await store?.set(payload.refreshToken ?? null)
      if (payload.deviceToken) await store?.setDeviceToken?.(payload.deviceToken)
      this.#take(payload)
      return true
    })
  }

  /**
   * Completes a sign-in that needs a second factor, which `secondFactorOf` finds in what `login` returned. Throws an
   * UsherError if that failed. After INVALID_CREDENTIALS the user can try again. After BAD_USER_INPUT for `challenge` the
   * sign-in has to begin again.
   */
  async completeSignIn({ challenge }: Pick<SecondFactor, 'challenge'>, answer: SecondFactorAnswer): Promise<void> {
    await this.#signInBy('completeLogin', this.#options.completeLogin ?? completeLoginOperation, { challenge, ...answer })
  }

  /**
   * Signs in with a passkey alone. Call it in the click of a button, without which some browsers show nothing. Throws an
   * UsherError if the server refused.
   */
  async signInWithPasskey(): Promise<PasskeyResult> {
    const asked = await this.askForPasskey() // before the lock, which must not wait for the user
    if (asked.outcome !== 'done') return asked
    await this.#signInBy('loginWithPasskey', this.#options.loginWithPasskey ?? loginWithPasskeyOperation, asked.answer)
    return { outcome: 'done' }
  }

  /**
   * Asks the browser for a passkey. The `answer` is for `completeSignIn` or for `confirm` of a question, if its `methods` have
   * PASSKEY. Throws an UsherError if the server refused.
   */
  askForPasskey(): Promise<PasskeyResult<{ readonly answer: PasskeyAnswer }>> {
    return askForPasskey(this.fetchIn(null), this.#options.url)
  }

  /**
   * Creates a passkey in the browser and sets it up for the user, with a name of up to 100 characters. The user may have to
   * confirm their identity first. Throws an UsherError if the server refused.
   */
  addPasskey(name?: string): Promise<PasskeySetupResult> {
    return setUpPasskey(this.fetchIn(this.#state.credentials?.session.id ?? null), this.#options.url, name)
  }

  /** Lists the providers at which users can sign in, in the order in which to show them. Throws an UsherError if that failed. */
  providers(): Promise<readonly Provider[]> {
    return listProviders(this.#in(null))
  }

  /**
   * Begins a sign-in at a provider. Resolves to the URL of the provider: send the browser there. It returns to `redirectTo`,
   * where `completeProviderLogin` or `linkProvider` goes on. Throws an UsherError if the server refused.
   */
  signInWithProvider(provider: string, redirectTo: string): Promise<string> {
    return begin(this.#in(null), provider, redirectTo, this.#transport())
  }

  /**
   * Completes a sign-in at a provider, on the page to which it returned. The answer is in `url`. Without `url` it is that of the
   * page, which is taken out of the address. Throws an UsherError if the server refused: `secondFactorOf` finds the second
   * factor in it if the sign-in needs one.
   */
  completeProviderLogin(url?: string): Promise<ProviderResult> {
    const { completeProviderLogin = completeProviderLoginOperation } = this.#options
    return complete(readAnswer(url),
      (answer) => this.#signInBy('completeProviderLogin', completeProviderLogin, answer),
      (answer) => this.#link(answer))
  }

  /**
   * Links the account at the provider to that of the signed-in user, on the page to which `signInWithProvider` returned. The user
   * may have to confirm their identity first. Throws an UsherError if the server refused.
   */
  async linkProvider(url?: string): Promise<{ readonly outcome: 'done' | ProviderFailure }> {
    const answer = readAnswer(url)
    if (typeof answer === 'string') return { outcome: answer }
    await this.#link(answer)
    return { outcome: 'done' }
  }

  /** Ends the session, in all tabs. Throws an UsherError if it could not be ended. */
  async signOut(): Promise<void> {
    const session = this.#state.credentials?.session.id
    if (session === undefined) return
    const send: typeof fetch = (input, init) => this.#send(session, input, init, { turn: exclusive })
    const answer = await post(send, this.#options.url, { query: 'mutation Logout { logout { sessionId } }' })
      .catch((thrown: unknown) => { if (this.#isCurrent(session)) throw thrown })
    if (!this.#isCurrent(session)) return // it had ended before
    if (answer?.errors?.length) throw new UsherError(answer.errors)
    await this.#options.store?.set(null)
    this.#end(session)
  }

  /**
   * Gets a new access token in place of a stale one, once for all requests and tabs that need it. Resolves to
   * false if the user has to sign in.
   */
  refresh(stale = this.#token()): Promise<boolean> {
    const before = this.#state
    this.#refreshing ??= exclusive(async (waited) => {
      if (waited && this.#state === before) await this.#message()
      return this.#renew(stale)
    }).finally(() => { this.#refreshing = undefined })
    return this.#refreshing
  }

  /** Leaves the other tabs. */
  close(): void {
    this.#tabs?.close()
  }

  #in(session: string | null) {
    return { fetch: this.fetchIn(session), url: this.#options.url }
  }

  #link(answer: ProviderAnswer): Promise<void> {
    return link(this.#in(this.#state.credentials?.session.id ?? null), answer)
  }

  #transport() {
    return this.#options.store ? 'TOKEN' : 'COOKIE'
  }

  async #signInBy(field: 'completeLogin' | 'loginWithPasskey' | 'completeProviderLogin', query: string, answer: object): Promise<void> {
    const input = { ...answer, session: this.#transport() }
    await this.signIn(async () =>
      dataOf(await post<Record<typeof field, P>>(this.fetchIn(null), this.#options.url, { query, variables: { input } }))[field])
  }

  #token(): string | null {
    return this.#state.credentials?.accessToken ?? null
  }

  #isCurrent(session: string): boolean {
    return this.#state.credentials?.session.id === session
  }

  #set(state: State<P>): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }

  #share(message: Message<P>): void {
    this.#set({ known: true, credentials: message.credentials, ended: message.ended })
    this.#tabs?.postMessage(message)
  }

  #receive({ credentials, session, ended }: Message<P>): void {
    const mine = this.#state.credentials
    if (mine && !credentials && mine.session.id !== session) return // a former session ended
    // A refresh gives an access token without the confirmation, which another tab may still need.
    if (mine?.confirmed && mine.session.id === session && credentials?.confirmed === false && mine.expiresAt > Date.now()) return
    this.#set({ known: true, credentials, ended })
  }

  /** Waits for the message of the tab that had the lock before, which may arrive after the lock. */
  #message(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timeout)
        stop()
        resolve()
      }
      const timeout = setTimeout(done, messageTimeout)
      const stop = this.subscribe(done)
    })
  }

  #take(payload: P): void {
    const credentials: Credentials<P> = {
      ...payload,
      refreshToken: null,
      deviceToken: null,
      expiresAt: Date.now() + payload.expiresIn * 1000,
      provedAt: Date.parse(payload.session.authTime ?? ''),
      confirmed: false,
    }
    this.#share({ credentials, session: payload.session.id })
  }

  #end(session: string, ended?: UnauthenticatedReason): void {
    if (this.#isCurrent(session)) this.#share({ credentials: null, session, ended })
  }

  async #renew(stale: string | null): Promise<boolean> {
    const before = this.#state
    if (this.#token() !== stale) return this.#token() !== null // another tab was first
    const { store, url, refresh = refreshOperation } = this.#options
    const refreshToken = store && (await store.get())
    const input = store ? { refreshToken } : { session: 'COOKIE' }
    const answer = store && !refreshToken ? noToken : await post<{ refresh: P }>(this.#plain, url, { query: refresh, variables: { input } })
    const payload = answer.data?.refresh
    const changed = this.#state !== before // by another tab, or by a request that was refused
    if (payload && (!changed || this.#isCurrent(payload.session.id))) {
      await store?.set(payload.refreshToken ?? null)
      if (!changed) this.#take(payload)
      return true
    }
    if (changed) return this.#token() !== null
    const refused = find(answer.errors, 'sign in') ?? find(answer.errors, 'refresh')
    if (!refused) return dataOf(answer) as never // throws: the session may be alive
    await store?.set(null)
    if (before.credentials) this.#end(before.credentials.session.id, extensionsOf(refused).reason)
    else this.#set({ known: true, credentials: null })
    return false
  }

  async #reauthenticate(session: string, input: Confirmation): Promise<void> {
    const request = { query: reauthenticateOperation, variables: { input } }
    const answer = await post<{ reauthenticate: Payload }>(this.#confirming(session), this.#options.url, request)
    const { accessToken, expiresIn } = dataOf(answer).reauthenticate
    const mine = this.#state.credentials
    if (mine?.session.id !== session) return
    const provedAt = Date.now()
    this.#share({ session, credentials: { ...mine, accessToken, expiresIn, expiresAt: provedAt + expiresIn * 1000, provedAt, confirmed: true } })
  }

  /** `fetch` for the answer to a question. If that is refused with STEP_UP_REQUIRED, nothing asks: the question is open. */
  #confirming(session: string): typeof fetch {
    return (input, init) => this.#send(session, input, init, { asks: 0 })
  }

  /** Sends a request as it is, with the cookie in cookie mode. */
  readonly #plain: typeof fetch = (input, init) => {
    const send = this.#options.fetch ?? fetch
    return send(input, this.#options.store ? init : { credentials: 'include', ...init })
  }

  async #send(
    session: string | null, input: RequestInfo | URL, init?: RequestInit, { turn = (task) => task(), asks = maxAsks }: Sending = {},
  ): Promise<Response> {
    const request = input instanceof Request ? input : undefined
    const headers = new Headers(init?.headers ?? request?.headers)
    if (!isSame(input, this.#options.url)) return (this.#options.fetch ?? fetch)(input, init)
    if (session === null || headers.has('authorization')) return turn(() => this.#plain(input, init))

    const first = this.#tokenOf(session)
    if ((this.#state.credentials?.expiresAt ?? 0) <= Date.now()) await this.refresh(first)
    const attempt = () => turn(async () => {
      const token = this.#tokenOf(session)
      headers.set('authorization', `Bearer ${token}`)
      const response = await this.#plain(request?.clone() ?? input, { ...init, headers })
      return { token, response, errors: await errorsOf(response) }
    })
    let result = await attempt()
    if (find(result.errors, 'refresh') && (await this.refresh(result.token))) result = await attempt()
    const refused = find(result.errors, 'sign in')
    if (refused) this.#end(session, extensionsOf(refused).reason)
    for (let left = asks; left > 0; left--) {
      const required = find(result.errors, 'reauthenticate')
      if (!required) break
      const confirmed = await this.#ask(session, required)
      this.#tokenOf(session)
      if (!confirmed) break
      result = await attempt()
    }
    return result.response
  }

  /** Returns the access token of a session. Throws when the page is not in that session any more. */
  #tokenOf(session: string): string {
    const { credentials } = this.#state
    if (credentials?.session.id === session) return credentials.accessToken
    throw new SessionChangedError([], credentials
      ? 'You are in another session now, so this was not done. Try again.'
      : 'You are signed out, so this was not done.')
  }
}

const noToken = { data: null, errors: [{ message: 'You are signed out.', extensions: { code: 'UNAUTHENTICATED', reason: 'NO_TOKEN' } }] }

/** Returns the errors of a response in GraphQL, which can still be read afterwards. */
async function errorsOf(response: Response): Promise<readonly GraphQLError[]> {
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) return []
  const answer = (await response.clone().json().catch(() => null)) as { errors?: unknown } | null
  return Array.isArray(answer?.errors) ? (answer.errors as GraphQLError[]) : []
}

function isSame(input: RequestInfo | URL, url: string): boolean {
  const base = 'location' in globalThis ? location.href : undefined
  const [a, b] = [new URL(input instanceof Request ? input.url : input, base), new URL(url, base)]
  return a.origin === b.origin && a.pathname === b.pathname
}
