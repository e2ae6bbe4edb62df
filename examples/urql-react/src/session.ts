// Who is signed in in this tab. The access token is in memory only, so that it is gone with the tab; the
// refresh token is in a cookie that no script can read. Nothing here depends on which GraphQL client it is.
import { useSyncExternalStore } from 'react'
import { refresh } from './server'

/** What this page needs of the schema's AuthPayload. */
export interface SignIn {
  readonly accessToken: string
  readonly session: { readonly id: string }
}

let current: SignIn | null | undefined // undefined until the server was asked
let refreshing: Promise<void> | undefined
const listeners = new Set<() => void>()

function set(next: SignIn | null) {
  current = next
  listeners.forEach((listener) => { listener() })
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** The id of the session; null when nobody is signed in, and undefined until that is known. */
export function useSession(): string | null | undefined {
  return useSyncExternalStore(subscribe, () => (current === null ? null : current?.session.id))
}

/** Goes on with the answer of `signup` or `login`. */
export function signIn(payload: SignIn): void {
  set(payload)
}

/** Forgets a session that has ended, unless the tab is in another one by now. */
export function signOut(id: string): void {
  if (current?.session.id === id) set(null)
}

/** Goes on with the session in the browser's cookie, if there is one. */
export function resume(): Promise<void> {
  // Within a tab, all who wait share one request.
  refreshing ??= alone(refresh)
    .then(set)
    .finally(() => { refreshing = undefined })
  return refreshing
}

/**
 * Does a task while no other tab does it: a refresh token is good once, and the tab that is next sends
 * the cookie that the one before it got. Web Locks exist in secure contexts only, which are https and
 * localhost; elsewhere the server's grace for a token that comes twice has to do.
 */
async function alone<T>(task: () => Promise<T>): Promise<T> {
  if (!('locks' in navigator)) return task()
  return await navigator.locks.request('usher-refresh', task)
}

/** The access token of a session, while the tab is in it. */
export function accessToken(id: string): string | undefined {
  return current?.session.id === id ? current.accessToken : undefined
}

/**
 * Replaces the access token that a refused request had, unless that happened while the request was
 * under way. Returns whether the session goes on: it does not if it has ended, or if somebody signed in
 * anew in another tab. Then a request that was made in the old session must not be sent in the new one.
 */
export async function renew(id: string, used: string | undefined): Promise<boolean> {
  if (accessToken(id) === used) await resume()
  return accessToken(id) !== undefined
}
