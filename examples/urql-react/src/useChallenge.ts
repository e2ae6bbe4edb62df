// Proof of work, which the server requires while it gets many attempts.
import { useEffect, useRef, useState } from 'react'
import { withChallenge } from 'usher-client'
import { solveInWorker } from 'usher-client/worker'

/** Sends an operation again with the solution, if the server requires one. Stops when the component is left. */
export function useChallenge() {
  const [solving, setSolving] = useState(false)
  const left = useRef<AbortController>(undefined)
  useEffect(() => {
    const controller = new AbortController()
    left.current = controller
    return () => { controller.abort() }
  }, [])
  const withSolution = <T>(send: (challengeSolution?: string) => Promise<T>) =>
    withChallenge(send, { solve: solveInWorker, signal: left.current?.signal, onSolving: setSolving })
  return { solving, withSolution }
}
