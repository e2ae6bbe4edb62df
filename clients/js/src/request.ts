// GraphQL over HTTP, as far as this library needs it.
import { type GraphQLError, UsherError } from './errors.js'

/** A GraphQL request. */
export interface Request {
  readonly query: string
  readonly variables?: unknown
  readonly operationName?: string | null | undefined
}

/** A GraphQL response. */
export interface Answer<TData = unknown> {
  readonly data?: TData | null
  readonly errors?: readonly GraphQLError[]
}

/** Sends a request. Throws an UsherError when there is no response, or none in GraphQL. */
export async function post<TData>(
  fetch: typeof globalThis.fetch,
  url: string,
  request: Request,
  headers: Record<string, string> = {},
): Promise<Answer<TData>> {
  const response = await fetch(url, {
    method: 'POST',
    // As application/json, responses with errors have the status 200, so that browsers do not log them.
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
    body: JSON.stringify(request),
  }).catch((thrown: unknown) => {
    // Fetch reports network errors as TypeError, and no reason with them.
    throw thrown instanceof TypeError ? new UsherError([], undefined, { cause: thrown }) : thrown
  })
  const answer: unknown = await response.json().catch(() => null)
  if (answer !== null && typeof answer === 'object' && ('data' in answer || 'errors' in answer)) return answer as Answer<TData>
  throw new UsherError([], `The response is not GraphQL (status ${String(response.status)}).`)
}

/** Returns the data of a response. Throws an UsherError when it has errors. */
export function dataOf<TData>({ data, errors }: Answer<TData>): TData {
  if (errors?.length) throw new UsherError(errors)
  if (data === undefined || data === null) throw new UsherError([], 'The response is empty.')
  return data
}
