// Typed operations.
import { dataOf, post } from 'usher-client'

import type { TypedDocumentString } from './gql/graphql'
import { usher } from './session'

type Variables<T> = T extends Record<string, never> ? [] : [T]

/** Sends an operation as the signed-in user. Throws an UsherError when the response has errors. */
export function send<TData, TVariables>(
  document: TypedDocumentString<TData, TVariables>,
  ...[variables]: Variables<TVariables>
): Promise<TData> {
  return sendBy(usher.fetch, document.toString(), variables)
}

/** Sends an operation without a session, for sign-up and log-in. */
export function sendAnonymously<TData, TVariables>(
  document: TypedDocumentString<TData, TVariables>,
  ...[variables]: Variables<TVariables>
): Promise<TData> {
  return sendBy(usher.fetchIn(null), document.toString(), variables)
}

async function sendBy<TData>(by: typeof fetch, query: string, variables: unknown): Promise<TData> {
  return dataOf(await post<TData>(by, '/graphql', { query, variables }))
}
