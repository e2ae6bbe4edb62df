// Who is signed in. The refresh token is in a cookie that no script can read; the access token is in
// the memory of this page, and of the other tabs that show it.
import { useSyncExternalStore } from 'react'

import { Failure, failure } from './failure'
import { graphql } from './gql'
import type { UnauthenticatedReason } from './gql/enums'
import type { SignInFragment } from './gql/graphql'
import { post } from './post'

/** A signed-in user with an access token. */
export interface Viewer extends SignInFragment {
  /** When the access token expires, in milliseconds since 1970 by the clock of this machine. */
  expiresAt: number
  /** When the user confirmed who they are, as far as the access token goes, in the same way. */
  provedAt: number
}

interface State {
  /** Null when nobody is signed in. */
  viewer: Viewer | null
  /** Whether it is known yet who is. */
  known: boolean
  /** Why somebody is not signed in any more. */
  ended?: UnauthenticatedReason | undefined
  /** Why it could not be found out who is. */
  problem?: string | undefined
}

// What a sign-in needs of every payload that is one.
graphql(`
  fragment SignIn on AuthPayload {
    accessToken
    expiresIn
    session { id authTime }
    user { id username email fullName roles }
  }
`)

const refreshDocument = graphql(`
  mutation ConsoleRefresh {
    refresh(input: { session: COOKIE }) { ...SignIn }
  }
`)

let state: State = { viewer: null, known: false }
const listeners = new Set<() => void>()
const tabs = new BroadcastChannel('usher-session')

tabs.onmessage = ({ data }: MessageEvent<State>) => {
  if (!hasLaterProof(state.viewer, data.viewer)) set(data)
}

/** Whether mine is of the same session and still valid, and its user has confirmed their identity since theirs. */
function hasLaterProof(mine: Viewer | null, theirs: Viewer | null) {
  return mine !== null && mine.session.id === theirs?.session.id && mine.provedAt > theirs.provedAt && mine.expiresAt > Date.now()
}

function set(next: State) {
  state = next
  for (const listener of listeners) listener()
}

function change(next: Omit<State, 'known' | 'problem'>) {
  set({ ...next, known: true })
  tabs.postMessage(state)
}

/** Calls a listener after each change of who is signed in. Returns how to stop. */
export function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}

/** Who is signed in, for components. */
export const useSession = () => useSyncExternalStore(subscribe, current)

/** Who is signed in now. */
export function current(): State {
  return state
}

/** Takes a payload as the sign-in of this page. */
export function signIn(payload: SignInFragment, provedAt = Date.parse(payload.session.authTime ?? '')) {
  change({ viewer: { ...payload, expiresAt: Date.now() + payload.expiresIn * 1000, provedAt } })
}

/**
 * Takes the access token that reauthenticate gave, unless this page is in another session by now. The proof is
 * in that token alone: the next refresh has the time of the sign-in again.
 */
export function renewWith(payload: SignInFragment) {
  if (state.viewer?.session.id === payload.session.id) signIn(payload, Date.now())
}

/** Forgets who was signed in. */
export function signOut(ended?: UnauthenticatedReason) {
  change({ viewer: null, ended })
}

/** Finds out who is signed in, after the page was loaded. When that fails, it can be tried again. */
export async function restore() {
  set({ ...state, problem: undefined })
  try {
    await refresh(null)
  } catch (thrown) {
    // The cookie may be good, so this is no reason to ask for a password.
    if (!state.known) set({ ...state, problem: failure(thrown).message })
  }
}

let refreshing: Promise<boolean> | undefined

/**
 * Gets an access token in place of a stale one, once for all who ask at the same time, in this tab
 * and in others. False says that nobody is signed in any more.
 */
export function refresh(stale: string | null): Promise<boolean> {
  refreshing ??= alone(() => renew(stale)).finally(() => (refreshing = undefined))
  return refreshing
}

async function renew(stale: string | null): Promise<boolean> {
  const before = state
  const token = before.viewer?.accessToken ?? null
  if (token !== stale) return token !== null // another tab was first
  const answer = await post<{ refresh: SignInFragment } | null>({ query: refreshDocument.toString() })
  if (state !== before) return state.viewer !== null // somebody has signed in or out meanwhile
  if (answer.data) {
    signIn(answer.data.refresh)
    return true
  }
  const errors = answer.errors ?? []
  const refused = errors.find((e) => e.extensions?.code === 'UNAUTHENTICATED')
  if (!refused) throw new Failure(errors.length > 0 ? errors : [{ message: 'The answer is empty.' }])
  if (stale === null) set({ viewer: null, known: true })
  else signOut(refused.extensions?.reason)
  return false
}

/**
 * Does what changes the cookie while no other tab does: the cookie that comes last stays, and must be
 * that of the session which the tabs are in. Web Locks exist in secure contexts only.
 */
export async function alone<T>(task: () => Promise<T>): Promise<T> {
  if (!('locks' in navigator)) return task()
  return await navigator.locks.request('usher-cookie', task)
}
