import { useEffect, useState } from 'react'

import { failure, type Failure } from './failure'

const texts = new Map<string, Promise<string>>()

/** Fetches a document of the server, once. */
function fetchText(path: string): Promise<string> {
  let text = texts.get(path)
  if (!text) {
    text = fetch(path).then((response) => {
      if (!response.ok) throw new Error(`${path}: ${response.statusText}`)
      return response.text()
    })
    texts.set(path, text)
    text.catch(() => texts.delete(path)) // the next call tries again
  }
  return text
}

/** Reads a document of the server with a function that is defined outside of components. */
export function useFetched<T>(path: string, read: (text: string) => T): { value?: T; problem?: Failure } {
  const [result, setResult] = useState<{ value?: T; problem?: Failure }>({})
  useEffect(() => {
    fetchText(path).then(
      (text) => { setResult({ value: read(text) }) },
      (thrown: unknown) => { setResult({ problem: failure(thrown) }) },
    )
  }, [path, read])
  return result
}
