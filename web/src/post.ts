import type { AnswerError } from './failure'

/** A GraphQL request. */
export interface Request {
  query: string
  variables?: unknown
  operationName?: string | null | undefined
}

/** A GraphQL answer. */
export interface Answer<TData = unknown> {
  data?: TData
  errors?: AnswerError[]
}

/** Sends a request as it is. Throws when there is no answer. */
export async function post<TData>(
  request: Request,
  headers: Record<string, string> = {},
): Promise<Answer<TData>> {
  const response = await fetch('/graphql', {
    method: 'POST',
    // As application/json, answers with errors have the status 200, and browsers do not log them.
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers },
    body: JSON.stringify(request),
  }).catch(() => {
    throw new Error('The server does not answer. Is it running?')
  })
  return (await response.json().catch(() => {
    throw new Error(`The answer is not GraphQL (status ${String(response.status)}).`)
  })) as Answer<TData>
}
