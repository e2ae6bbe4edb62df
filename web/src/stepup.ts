// A request that needs a fresh proof of who the user is waits here for the password dialog.
import { useSyncExternalStore } from 'react'

interface Question {
  answer: (proved: boolean) => void
  proved: Promise<boolean>
}

let question: Question | null = null
const listeners = new Set<() => void>()

function set(next: Question | null) {
  question = next
  for (const listener of listeners) listener()
}

/** Asks the user for the password, once for all who ask. False says that they did not want to. */
export function proveAnew(): Promise<boolean> {
  if (question) return question.proved
  const { promise, resolve } = Promise.withResolvers<boolean>()
  set({
    proved: promise,
    answer: (proved) => {
      set(null)
      resolve(proved)
    },
  })
  return promise
}

/** The question that waits for an answer, for the dialog. */
export const useQuestion = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => question,
  )
