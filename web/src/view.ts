import { type ComponentType, lazy } from 'react'

import { whenBack } from './reach'

/**
 * A view that is loaded when it is shown. Loading fails if the server is down, or if it was upgraded, because then
 * it has no assets of the page that is open. A reload of the page helps in both cases.
 */
export function lazyView<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(async () => {
    try {
      const view = await load()
      sessionStorage.removeItem(key)
      return view
    } catch (thrown) {
      await whenBack()
      if (!reloadOnce()) throw new LoadError('A part of this page could not be loaded.', { cause: thrown })
      return new Promise<never>(() => undefined) // until the page is gone
    }
  })
}

/** A view that cannot be loaded, not even after a reload. */
export class LoadError extends Error {}

// The builds of the console that have reloaded the page, in this tab. The name of this file has the hash of its
// content. There can be two during a rolling upgrade, so the last one is not enough to prevent a loop.
const key = 'usher-reloaded'
const build = import.meta.url

function reloadOnce(): boolean {
  const done = sessionStorage.getItem(key)?.split(' ') ?? []
  if (done.includes(build)) return false
  sessionStorage.setItem(key, [...done, build].join(' '))
  location.reload()
  return true
}
