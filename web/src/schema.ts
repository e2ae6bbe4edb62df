import { useEffect, useState } from 'react'

import { failure, type Failure } from './failure'

let sdl: Promise<string> | undefined

/** Fetches the schema with its directives, once. */
function schemaText(): Promise<string> {
  sdl ??= fetch('/schema.graphqls').then((response) => {
    if (!response.ok) throw new Error(`/schema.graphqls: ${response.statusText}`)
    return response.text()
  })
  sdl.catch(() => (sdl = undefined)) // the next one tries again
  return sdl
}

/** What a function outside of components makes of the schema. */
export function useSchema<T>(read: (sdl: string) => T): { value?: T; problem?: Failure } {
  const [result, setResult] = useState<{ value?: T; problem?: Failure }>({})
  useEffect(() => {
    schemaText().then(
      (text) => { setResult({ value: read(text) }) },
      (thrown: unknown) => { setResult({ problem: failure(thrown) }) },
    )
  }, [read])
  return result
}
