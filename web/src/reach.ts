// Whether the server can be reached. Whoever fails to reach it starts asking again until it answers.
import { useSyncExternalStore } from 'react'
import { UsherError } from 'usher-client'

const listeners = new Set<() => void>()
let waiting: Promise<void> | undefined

/** How often the server is asked whether it is back, in milliseconds. */
const interval = 2000

/** `fetch`, for which a gateway that does not reach the server counts as a network error. */
export const fetchUsher: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  const isGateway = [502, 503, 504].includes(response.status) && !response.headers.get('content-type')?.includes('json')
  if (isGateway) throw new TypeError(`status ${String(response.status)} of a gateway`) // as fetch reports network errors
  return response
}

/** Whether the server could not be reached. */
export function isUnreachable(thrown: unknown): boolean {
  return thrown instanceof UsherError && thrown.cause instanceof TypeError
}

/** Resolves when the server answers again. */
export function whenBack(): Promise<void> {
  waiting ??= poll().finally(() => {
    waiting = undefined
    notify()
  })
  notify()
  return waiting
}

async function poll() {
  for (;;) {
    if (await isBack()) return
    await new Promise((resolve) => setTimeout(resolve, interval))
  }
}

/** Asks for the page itself, which is there if the server is. */
const isBack = () => fetchUsher('/', { method: 'HEAD', cache: 'no-store' }).then((response) => response.ok, () => false)

function notify() {
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => { listeners.delete(listener) }
}

/** Whether the page waits for the server. */
export const useDown = () => useSyncExternalStore(subscribe, () => waiting !== undefined)
