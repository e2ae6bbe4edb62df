import { useEffect, useRef } from 'react'

/** Returns a function that returns a signal, which is aborted when the component is left. */
export function useLeaving(): () => AbortSignal {
  const left = useRef(new AbortController())
  useEffect(() => {
    const controller = new AbortController()
    left.current = controller
    return () => { controller.abort() }
  }, [])
  return () => left.current.signal
}
