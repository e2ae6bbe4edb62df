import { useEffect, useState } from 'react'

import { failure, type Failure } from './failure'
import type { TypedDocumentString } from './gql/graphql'
import { send } from './send'

interface Result<TData> {
  data?: TData
  problem?: Failure
}

/** Sends a query, and again whenever its variables change or reload is called. */
export function useQuery<TData, TVariables>(
  document: TypedDocumentString<TData, TVariables>,
  ...args: TVariables extends Record<string, never> ? [] : [TVariables]
) {
  const [result, setResult] = useState<Result<TData>>({})
  const [turn, setTurn] = useState(0)
  const key = JSON.stringify(args)
  useEffect(() => {
    let stale = false
    send(document, ...(JSON.parse(key) as typeof args)).then(
      (data) => { if (!stale) setResult({ data }) },
      (thrown: unknown) => { if (!stale) setResult((last) => ({ ...last, problem: failure(thrown) })) },
    )
    return () => { stale = true }
  }, [document, key, turn])
  return { ...result, reload: () => { setTurn((n) => n + 1) } }
}

/** The position in a list with cursors. */
export function usePages() {
  const [cursors, setCursors] = useState<string[]>([])
  return {
    after: cursors.at(-1) ?? null,
    number: cursors.length + 1,
    next: (cursor: string) => { setCursors([...cursors, cursor]) },
    back: () => { setCursors(cursors.slice(0, -1)) },
    first: () => { setCursors([]) },
  }
}

export type Pages = ReturnType<typeof usePages>
