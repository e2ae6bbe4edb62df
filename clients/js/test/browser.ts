// A server with sessions, and browsers whose tabs share a cookie, BroadcastChannel and Web Locks.
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

import { type Options, type TokenStore, UsherClient } from '../src/index.js'

export const url = 'https://auth.example.com/graphql'
export const password = 'four small green turtles'
export const code = '123456'
export const recoveryCode = 'ABCD-EFGH'
/** Of a sign-in that needs a second factor. */
export const challenge = 'c1'
/** What the server accepts as a passkey. Its challenge is that of the requests for passkeys. */
export const passkey = { challenge: 'p1', response: { id: 'k1' } }

/** What the server says when only a second factor will do. */
const secondFactor = { assurance: 'AAL2', methods: ['TOTP', 'RECOVERY_CODE'] }

/** What the server accepts as the answer of a provider, once. With a challenge, the verifier is required too. */
export const providerCode = 'i1'

type Reply = Record<string, unknown>

const passkeyRequest = { challenge: passkey.challenge, options: { challenge: 'random' } }
const isPasskey = (input?: Reply) => isDeepStrictEqual(input?.passkey, passkey)
const isSecondFactor = (input?: Reply) => input?.totp === code || input?.recoveryCode === recoveryCode || input?.emailCode === code || isPasskey(input)

const refuse = (code: string, extensions: object = {}): Reply =>
  ({ data: null, errors: [{ message: `${code}.`, extensions: { code, ...extensions } }] })

/** Keeps sessions. Refresh tokens are `SESSION:N`, access tokens `SESSION.N`. */
export class Server {
  /** The operations that arrived, as `Name token`. */
  readonly log: string[] = []
  /** Runs before an operation is answered. What it throws is thrown by fetch. */
  before: (name: string) => Promise<void> | void = () => undefined
  /** Runs before an answer is delivered. */
  after: (name: string) => Promise<void> | void = () => undefined
  /** What was sent to begin a sign-in at a provider. */
  begun: Reply | undefined
  /** Whether the account at the provider is linked to one here. */
  linked = true
  readonly #sessions = new Map<string, { refreshes: number; strong: boolean; ended?: string }>()
  readonly #fresh = new Set<string>()
  readonly #confirmed = new Set<string>()
  readonly #strong = new Set<string>()
  #tokens = 0

  /** Makes a session, as `login` does. */
  login({ strong = false } = {}): { payload: Payload; cookie: string } {
    const id = `s${String(this.#sessions.size + 1)}`
    this.#sessions.set(id, { refreshes: 0, strong })
    return { payload: this.#payload(id), cookie: `${id}:0` }
  }

  /** Lets all access tokens expire. */
  expire(): void {
    this.#fresh.clear()
  }

  end(id: string, reason = 'SESSION_ENDED'): void {
    const session = this.#sessions.get(id)
    if (session) session.ended = reason
  }

  count(name: string): number {
    return this.log.filter((entry) => entry.split(' ')[0] === name).length
  }

  answer(body: { query: string; variables?: { input?: Reply } }, bearer: string, cookie: string): { reply: Reply; cookie?: string } {
    const name = /(?:query|mutation) (\w+)/.exec(body.query)?.[1] ?? ''
    this.log.push(`${name} ${bearer}`.trim())
    const input = body.variables?.input
    if (name === 'Refresh') return this.#refresh(input, cookie)
    if (name === 'CompleteLogin') return this.#complete(input)
    if (name === 'BeginPasskeyLogin') return { reply: { data: { beginPasskeyLogin: passkeyRequest } } }
    if (name === 'LoginWithPasskey') {
      return isPasskey(input) ? this.#signIn('loginWithPasskey', input) : { reply: refuse('INVALID_CREDENTIALS') }
    }
    if (name === 'Providers') return { reply: { data: { providers: [{ id: 'acme', name: 'Acme' }] } } }
    if (name === 'BeginProviderLogin') {
      this.begun = input
      return { reply: { data: { beginProviderLogin: { url: 'https://acme.example/authorize', expiresIn: 900 } } } }
    }
    if (name === 'CompleteProviderLogin') {
      if (!this.#isAnswer(input)) return { reply: refuse('BAD_USER_INPUT') }
      if (!this.linked) return { reply: refuse('IDENTITY_NOT_LINKED') }
      return this.#signIn('completeProviderLogin', input)
    }
    const id = bearer.split('.')[0] ?? ''
    const session = this.#sessions.get(id)
    if (!session) return { reply: refuse('UNAUTHENTICATED', { reason: bearer ? 'TOKEN_INVALID' : 'NO_TOKEN' }) }
    if (session.ended) return { reply: refuse('UNAUTHENTICATED', { reason: session.ended }) }
    if (!this.#fresh.has(bearer)) return { reply: refuse('UNAUTHENTICATED', { reason: 'TOKEN_EXPIRED' }) }
    switch (name) {
      case 'Logout':
        this.end(id)
        return { reply: { data: { logout: { sessionId: id } } }, cookie: '' }
      case 'Reauthenticate': {
        const strong = isSecondFactor(input)
        if (session.strong && input?.password !== undefined) return { reply: refuse('STEP_UP_REQUIRED', secondFactor) }
        if (!strong && input?.password !== password) return { reply: refuse('INVALID_CREDENTIALS') }
        const payload = this.#payload(id)
        this.#confirmed.add(payload.accessToken)
        if (strong) this.#strong.add(payload.accessToken)
        return { reply: { data: { reauthenticate: { ...payload, refreshToken: null } } } }
      }
      case 'DeleteUser':
        if (!this.#confirmed.has(bearer)) return { reply: refuse('STEP_UP_REQUIRED', { maxAge: 3600, assurance: 'AAL1', methods: ['PASSWORD', 'TOTP'] }) }
        break
      case 'DeleteMe':
        if (!this.#strong.has(bearer)) return { reply: refuse('STEP_UP_REQUIRED', secondFactor) }
        break
      case 'LinkIdentity':
        if (!this.#isAnswer(input)) return { reply: refuse('BAD_USER_INPUT') }
        if (!this.#confirmed.has(bearer)) return { reply: refuse('STEP_UP_REQUIRED', { maxAge: 900, methods: ['PASSWORD'] }) }
        this.linked = true
        break
      case 'BeginPasskeySetup':
        if (!this.#confirmed.has(bearer)) return { reply: refuse('STEP_UP_REQUIRED', { maxAge: 900, methods: ['PASSWORD'] }) }
        return { reply: { data: { beginPasskeySetup: passkeyRequest } } }
      case 'ConfirmPasskeySetup': {
        if (!isPasskey(input)) return { reply: refuse('BAD_USER_INPUT') }
        const factor = { id: 'f1', name: input?.name ?? 'Passkey' }
        return { reply: { data: { confirmPasskeySetup: { factor, recoveryCodes: [recoveryCode] } } } }
      }
    }
    return { reply: { data: { me: { session: id } } } }
  }

  #isAnswer(input: Reply | undefined): boolean {
    const verifier = input?.codeVerifier
    const challenge = typeof verifier === 'string' ? createHash('sha256').update(verifier).digest('base64url') : null
    return input?.code === providerCode && challenge === (this.begun?.codeChallenge ?? null)
  }

  #complete(input: Reply | undefined): { reply: Reply; cookie?: string } {
    if (input?.challenge !== challenge) {
      const fields = [{ path: ['input', 'challenge'], code: 'EXPIRED', message: 'Sign in again.' }]
      return { reply: refuse('BAD_USER_INPUT', { fields }) }
    }
    return isSecondFactor(input) ? this.#signIn('completeLogin', input) : { reply: refuse('INVALID_CREDENTIALS') }
  }

  #signIn(field: string, input: Reply | undefined): { reply: Reply; cookie?: string } {
    const { payload, cookie } = this.login({ strong: true })
    if (input?.session !== 'COOKIE') return { reply: { data: { [field]: { ...payload, deviceToken: `device of ${payload.session.id}` } } } }
    return { reply: { data: { [field]: { ...payload, refreshToken: null } } }, cookie }
  }

  #refresh(input: Reply | undefined, cookie: string): { reply: Reply; cookie?: string } {
    const byCookie = input?.session === 'COOKIE'
    const presented = byCookie ? cookie : String(input?.refreshToken)
    if (byCookie && !cookie) return { reply: refuse('UNAUTHENTICATED', { reason: 'NO_TOKEN' }) }
    const [id = '', n] = presented.split(':')
    const session = this.#sessions.get(id)
    if (!session || session.ended) return { reply: refuse('UNAUTHENTICATED', { reason: session?.ended ?? 'TOKEN_INVALID' }), cookie: '' }
    if (Number(n) === session.refreshes) session.refreshes++ // one that comes again gets the same successor
    else if (Number(n) !== session.refreshes - 1) throw new Error(`${presented} was used before`)
    const refreshToken = `${id}:${String(session.refreshes)}`
    const payload = { ...this.#payload(id), refreshToken: byCookie ? null : refreshToken }
    return byCookie ? { reply: { data: { refresh: payload } }, cookie: refreshToken } : { reply: { data: { refresh: payload } } }
  }

  #payload(id: string): Payload {
    const accessToken = `${id}.${String(++this.#tokens)}`
    this.#fresh.add(accessToken)
    return { accessToken, refreshToken: `${id}:0`, deviceToken: null, expiresIn: 900, session: { id, authTime: new Date().toISOString() } }
  }
}

export interface Payload {
  accessToken: string
  refreshToken: string | null
  deviceToken: string | null
  expiresIn: number
  session: { id: string; authTime: string }
}

let browsers = 0

/** A browser with its cookie. Its tabs send their requests to one server. */
export class Browser {
  cookie = ''
  readonly server: Server
  /** The name of the channel of its tabs. */
  readonly channel = `browser-${String(++browsers)}`
  readonly #tabs: UsherClient<Payload>[] = []

  constructor(server: Server) {
    this.server = server
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const { query, variables } = (await request.json()) as { query: string; variables?: { input?: Reply } }
    const name = /(?:query|mutation) (\w+)/.exec(query)?.[1] ?? ''
    await this.server.before(name)
    const bearer = request.headers.get('authorization')?.replace('Bearer ', '') ?? ''
    const sent = request.credentials === 'include' ? this.cookie : ''
    const { reply, cookie } = this.server.answer({ query, ...(variables && { variables }) }, bearer, sent)
    await this.server.after(name)
    if (cookie !== undefined) this.cookie = cookie
    return Response.json(reply)
  }

  /** Opens a page. */
  tab(options: Partial<Options> = {}): UsherClient<Payload> {
    const tab = new UsherClient<Payload>({ url, channel: this.channel, fetch: this.fetch, ...options })
    this.#tabs.push(tab)
    return tab
  }

  /** Opens a page that is signed in. */
  async signedIn(options: Partial<Options> = {}): Promise<UsherClient<Payload>> {
    const tab = this.tab(options)
    await tab.signIn(() => {
      const { payload, cookie } = this.server.login()
      if (options.store) return Promise.resolve({ ...payload, deviceToken: `device of ${payload.session.id}` })
      this.cookie = cookie
      return Promise.resolve({ ...payload, refreshToken: null })
    })
    return tab
  }

  close(): void {
    for (const tab of this.#tabs) tab.close()
  }
}

/** A store of token mode. */
export function tokenStore(shared = true): TokenStore & { token: string | null; deviceToken: string | null } {
  const store = {
    token: null as string | null,
    deviceToken: null as string | null,
    shared,
    get: () => store.token,
    set: (token: string | null) => { store.token = token },
    setDeviceToken: (deviceToken: string) => { store.deviceToken = deviceToken },
  }
  return store
}

/** Sends an operation, and returns what came: data, or the code of the error. */
export async function run(tab: UsherClient<Payload>, name = 'Me', send = tab.fetch): Promise<unknown> {
  const query = name === 'Me' ? 'query Me { me { session } }' : `mutation ${name} { x }`
  const response = await send(url, { method: 'POST', body: JSON.stringify({ query }) })
  const { data, errors } = (await response.json()) as { data: unknown; errors?: { extensions: { code: string } }[] }
  return errors?.[0]?.extensions.code ?? data
}

/** Waits until the answer is yes, for as long as messages between tabs travel. */
export async function until(question: () => boolean): Promise<void> {
  for (let n = 0; n < 1000; n++) {
    if (question()) return
    await turn()
  }
  throw new Error(`never: ${String(question)}`)
}

/** Waits until the event loop has delivered messages between tabs. Node polls for them in one of two rounds. */
export async function turn(): Promise<void> {
  for (let n = 0; n < 2; n++) await new Promise((resolve) => setImmediate(resolve))
}

/** Whether a lock is granted before the messages of the tab that had it, as browsers may do. */
export const eager = { locks: false }

// Node.js has Web Locks from version 24 on.
type Task<T> = (lock: object | null) => Promise<T>
const queues = new Map<string, Promise<unknown>>()
const locks = {
  request: <T>(name: string, ...rest: [Task<T>] | [{ ifAvailable: boolean }, Task<T>]): Promise<T> => {
    const held = queues.get(name)
    if (held && rest.length === 2) return rest[1](null)
    const task = rest.length === 2 ? rest[1] : rest[0]
    const result = (held ?? Promise.resolve()).then(() => (eager.locks ? undefined : turn())).then(() => task({}))
    const settled: Promise<unknown> = result.catch(() => undefined).then(() => { if (queues.get(name) === settled) queues.delete(name) })
    queues.set(name, settled)
    return result
  },
}
Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { locks } })
