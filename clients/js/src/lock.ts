// The lock of all tabs of a browser.

/**
 * Runs a task that changes the cookie or the refresh token, while no other tab runs one. Otherwise the last
 * response could set the cookie of a session that the tabs have left. The task is told whether it waited for
 * another. Web Locks need a secure context. Without them, tabs rely on the server accepting a refresh token
 * again for a short time.
 */
export async function exclusive<T>(task: (waited: boolean) => Promise<T>): Promise<T> {
  if (!('navigator' in globalThis && 'locks' in navigator)) return task(false)
  const done = await navigator.locks.request('usher-cookie', { ifAvailable: true }, async (lock) => lock && { result: await task(false) })
  return done ? done.result : await navigator.locks.request('usher-cookie', () => task(true))
}
