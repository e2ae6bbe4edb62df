import { useState, useSyncExternalStore } from 'react'

const key = 'usher-panel'
const wide = matchMedia('(width >= 1200px)')
const phone = matchMedia('(width < 860px)')
const listeners = new Set<() => void>()

function subscribe(listener: () => void) {
  listeners.add(listener)
  for (const query of [wide, phone]) query.addEventListener('change', listener)
  return () => {
    listeners.delete(listener)
    for (const query of [wide, phone]) query.removeEventListener('change', listener)
  }
}

/**
 * Whether the account panel is open beside a view, and how to fold it. The choice is remembered. Without one, the
 * panel is open on the start view, and where it leaves enough room. On a phone it is above the view, so another
 * view folds it.
 */
export function usePanel(view: string): [open: boolean, toggle: () => void] {
  const stored = useSyncExternalStore(subscribe, () => localStorage.getItem(key))
  const isWide = useSyncExternalStore(subscribe, () => wide.matches)
  const isPhone = useSyncExternalStore(subscribe, () => phone.matches)
  const [here, setHere] = useState<{ view: string; open: boolean }>()
  const chosen = isPhone ? here?.view === view ? here.open : undefined : stored === null ? undefined : stored === 'open'
  const open = chosen ?? (isWide || view === '')
  return [open, () => {
    if (isPhone) {
      setHere({ view, open: !open })
      return
    }
    localStorage.setItem(key, open ? 'folded' : 'open')
    for (const listener of listeners) listener()
  }]
}
