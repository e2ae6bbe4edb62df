// The address of the page: `#/users?search=ada` is the view `users` with a filter.
import { useSyncExternalStore } from 'react'

interface Place {
  name: string
  params: URLSearchParams
}

function parse(hash: string): Place {
  const [name = '', params] = hash.replace(/^#\/?/, '').split('?')
  return { name, params: new URLSearchParams(params) }
}

/** The link to a view. Parameters without a value are left out. */
export function href(name: string, params: Record<string, string> = {}): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value)).toString()
  return `#/${name}${query && '?'}${query}`
}

/** Shows another view, or the same with other parameters. With `replace`, the history gets no new entry. */
export function navigate(to: string, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', to)
  // A new location.hash would send this event later, and inputs would show their former values until then.
  dispatchEvent(new HashChangeEvent('hashchange'))
}

const subscribe = (listener: () => void) => {
  addEventListener('hashchange', listener)
  return () => { removeEventListener('hashchange', listener) }
}

/** The view that the address names, and its parameters. */
export function useRoute(): Place {
  return parse(useSyncExternalStore(subscribe, () => location.hash))
}

/** The possible values of each parameter, the default first. A parameter with '' takes any text. */
type Spec = Record<string, '' | readonly string[]>
type Values<S extends Spec> = { [K in keyof S]: S[K] extends readonly (infer V)[] ? V : string }

export interface Filters<S extends Spec = Spec> {
  values: Values<S>
  set: (changes: Partial<Values<S>>, options?: { replace?: boolean }) => void
  /** The link to the view with some values changed. */
  link: (changes: Partial<Values<S>>) => string
}

/** The parameters of a view, which its address has. An address with an impossible value means the default. */
export function useFilters<const S extends Spec>(spec: S): Filters<S> {
  const { params } = useRoute()
  const read = (from: URLSearchParams) => Object.fromEntries(Object.entries(spec).map(([key, possible]) => {
    const value = from.get(key) ?? ''
    return [key, possible === '' || possible.includes(value) ? value : possible[0]]
  })) as Values<S>
  const link = (changes: Partial<Values<S>>) => {
    const { name, params: current } = parse(location.hash) // it may be newer than what was rendered
    const next = Object.entries({ ...read(current), ...changes } as Record<string, string>)
    return href(name, Object.fromEntries(next.filter(([key, value]) => value !== spec[key]?.[0])))
  }
  return { values: read(params), link, set: (changes, options) => { navigate(link(changes), options) } }
}
