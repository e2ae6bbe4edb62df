// Proof of work, for the forms that people use without a session.
import { useCallback, useEffect, useRef, useState } from 'react'
import { withChallenge } from 'usher-client'
import { solveInWorker } from 'usher-client/worker'

/** Sends an operation, and again with the solution of a challenge if the server requires that. */
export type WithSolution = <T>(send: (challengeSolution?: string) => Promise<T>) => Promise<T>

/** Solves challenges until the component is left. */
export function useChallenge() {
  const [solving, setSolving] = useState(false)
  const left = useRef<AbortController>(undefined)
  useEffect(() => {
    const controller = new AbortController()
    left.current = controller
    return () => { controller.abort() }
  }, [])
  const withSolution: WithSolution = useCallback(
    (send) => withChallenge(send, { solve: solveInWorker, signal: left.current?.signal, onSolving: setSolving }),
    [],
  )
  return { solving, withSolution }
}
