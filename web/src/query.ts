import { useEffect, useState } from 'react'

import { type Failure, failureOfQuery } from './failure'
import type { TypedDocumentString } from './gql/graphql'
import { isUnreachable, whenBack } from './reach'
import { send } from './send'

interface Result<TData> {
  /** What the result answers. */
  asked?: string
  data?: TData
  problem?: Failure
}

/**
 * Sends a query, and again whenever its variables change, reload is called, or the server is back. While it is
 * `loading`, `data` is that of the query before.
 */
export function useQuery<TData, TVariables>(
  document: TypedDocumentString<TData, TVariables>,
  ...args: TVariables extends Record<string, never> ? [] : [TVariables]
) {
  const [result, setResult] = useState<Result<TData>>({})
  const [turn, setTurn] = useState(0)
  const reload = () => { setTurn((n) => n + 1) }
  const key = JSON.stringify(args)
  const asked = `${String(turn)} ${key}`
  useEffect(() => {
    let stale = false
    send(document, ...(JSON.parse(key) as typeof args)).then(
      (data) => { if (!stale) setResult({ asked, data }) },
      (thrown: unknown) => {
        if (stale) return
        setResult((last) => ({ ...last, asked, problem: failureOfQuery(thrown) }))
        if (isUnreachable(thrown)) void whenBack().then(() => { if (!stale) reload() })
      },
    )
    return () => { stale = true }
  }, [document, key, asked])
  return { ...result, loading: result.asked !== asked, reload }
}

/** The position in a list with cursors. A list with another key begins at its first page. */
export function usePages(key: string) {
  const [position, setPosition] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] })
  const cursors = position.key === key ? position.cursors : []
  return {
    after: cursors.at(-1) ?? null,
    number: cursors.length + 1,
    next: (cursor: string) => { setPosition({ key, cursors: [...cursors, cursor] }) },
    back: () => { setPosition({ key, cursors: cursors.slice(0, -1) }) },
  }
}

export type Pages = ReturnType<typeof usePages>
