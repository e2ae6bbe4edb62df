import { useEffect, useState } from 'react'
import { UsherError } from 'usher-client'

import { type Failure, failureOfQuery } from './failure'
import { fetchUsher, isUnreachable, whenBack } from './reach'

const texts = new Map<string, Promise<string>>()

async function load(path: string): Promise<string> {
  const response = await fetchUsher(path).catch((cause: unknown) => { throw new UsherError([], undefined, { cause }) })
  if (!response.ok) throw new Error(`${path}: ${response.statusText}`)
  return response.text()
}

/** Fetches a document of the server, once. */
function fetchText(path: string): Promise<string> {
  let text = texts.get(path)
  if (!text) {
    text = load(path)
    texts.set(path, text)
    text.catch(() => texts.delete(path)) // the next call tries again
  }
  return text
}

/** Reads a document of the server with a function that is defined outside of components. Waits for the server. */
export function useFetched<T>(path: string, read: (text: string) => T): { value?: T; problem?: Failure } {
  const [result, setResult] = useState<{ value?: T; problem?: Failure }>({})
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let stale = false
    fetchText(path).then(
      (text) => { if (!stale) setResult({ value: read(text) }) },
      (thrown: unknown) => {
        if (stale) return
        setResult({ problem: failureOfQuery(thrown) })
        if (isUnreachable(thrown)) void whenBack().then(() => { setTurn((n) => n + 1) })
      },
    )
    return () => { stale = true }
  }, [path, read, turn])
  return result
}
