// What GraphQL clients return and throw.
import type { GraphQLError } from './errors.js'

/**
 * The GraphQL errors in what a client returns or throws: `errors` of responses, UsherError and Apollo Client,
 * `graphQLErrors` of urql, or one of these in `error` or `response`.
 */
export function errorsIn(result: unknown): readonly GraphQLError[] | undefined {
  if (typeof result !== 'object' || result === null) return undefined
  const { errors, graphQLErrors, error, response } = result as Record<string, unknown>
  const list = errors ?? graphQLErrors
  return Array.isArray(list) ? (list as GraphQLError[]) : errorsIn(error ?? response)
}
