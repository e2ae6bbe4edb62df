import { UsherError } from 'usher-client'

/** What an action of the page throws. */
export type Failure = UsherError

/** Makes a Failure of whatever was thrown. */
export function failure(thrown: unknown): Failure {
  if (thrown instanceof UsherError) return thrown
  return new UsherError([], thrown instanceof Error ? thrown.message : String(thrown))
}
