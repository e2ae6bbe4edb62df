// A request that needs a fresh proof of who the user is waits here for the password dialog.
import { useSyncExternalStore } from 'react'

import { current, subscribe as subscribeToSession } from './session'

interface Question {
  session: string
  answer: (proved: boolean) => void
  proved: Promise<boolean>
}

let question: Question | null = null
const listeners = new Set<() => void>()

function set(next: Question | null) {
  question = next
  for (const listener of listeners) listener()
}

/**
 * Asks the user of a session for the password, once for all who ask. False says that they did not want
 * to, or that the page is in another session by now.
 */
export function proveAnew(session: string): Promise<boolean> {
  if (!isIn(session)) return Promise.resolve(false)
  if (question) return question.proved // of this session: it ends with its session
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const asked: Question = {
    session,
    proved: promise,
    answer(proved) {
      if (question !== asked) return // it was answered before
      stop()
      set(null)
      resolve(proved)
    },
  }
  const stop = subscribeToSession(() => { if (!isIn(session)) asked.answer(false) })
  set(asked)
  return promise
}

function isIn(session: string): boolean {
  return current().viewer?.session.id === session
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
