import { useSyncExternalStore } from 'react'

type Theme = 'light' | 'dark'

const key = 'usher-theme'
const system = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()

function theme(): Theme {
  const chosen = localStorage.getItem(key)
  if (chosen === 'light' || chosen === 'dark') return chosen
  return system.matches ? 'dark' : 'light'
}

function apply() {
  document.documentElement.dataset.theme = theme()
  for (const listener of listeners) listener()
}

apply()
system.addEventListener('change', apply)

/** Switches between light and dark. The system's own theme is not stored. */
export function switchTheme() {
  const next = theme() === 'dark' ? 'light' : 'dark'
  if (next === (system.matches ? 'dark' : 'light')) localStorage.removeItem(key)
  else localStorage.setItem(key, next)
  apply()
}

/** The current theme. */
export const useTheme = () =>
  useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, theme)
