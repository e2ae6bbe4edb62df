import { UsherError } from 'usher-client'

import { isUnreachable } from './reach'

/** What an action of the page throws. */
export type Failure = UsherError

/** What is said while the page waits for the server. */
export const unreachable = 'Usher cannot be reached. This page tries again every few seconds.'

/** Makes a Failure of whatever was thrown. */
export function failure(thrown: unknown): Failure {
  if (isUnreachable(thrown)) return new UsherError([], 'Usher cannot be reached. Try again.', { cause: thrown })
  if (thrown instanceof UsherError) return thrown
  return new UsherError([], thrown instanceof Error ? thrown.message : String(thrown))
}

/** Makes a Failure of what a query threw, which is sent again when the server is back. */
export function failureOfQuery(thrown: unknown): Failure {
  return isUnreachable(thrown) ? new UsherError([], unreachable) : failure(thrown)
}
