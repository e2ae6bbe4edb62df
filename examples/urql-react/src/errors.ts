// What the errors of Usher mean to a client. Nothing here depends on which GraphQL client it is.
import type { ErrorCode, InputErrorCode, UnauthenticatedReason } from './generated/enums'

/** An error of an answer, as all GraphQL clients hand it out. */
export interface GraphQLError {
  readonly message: string
  readonly extensions?: Readonly<Record<string, unknown>>
}

/** The extensions of Usher's errors. Which there are besides `requestId` depends on `code`. */
interface Extensions {
  readonly code: ErrorCode
  readonly requestId?: string
  readonly reason?: UnauthenticatedReason
  readonly fields?: readonly { path: readonly string[]; code: InputErrorCode; message: string }[]
  readonly retryAfter?: number
}

const extensions = (error: GraphQLError) => (error.extensions ?? {}) as unknown as Extensions

/** What can be done about an error. */
export type Remedy = 'refresh' | 'sign in' | 'reauthenticate' | 'change input' | 'wait' | 'give up' | 'report'

/** Says what can be done about an error. A code that is new in the schema fails the build here. */
export function remedy(error: GraphQLError): Remedy {
  const { code, reason } = extensions(error)
  switch (code) {
    case 'UNAUTHENTICATED':
      // An access token can become invalid before it expires, as when the server has changed its keys.
      return reason === 'TOKEN_EXPIRED' || reason === 'TOKEN_INVALID' ? 'refresh' : 'sign in'
    case 'STEP_UP_REQUIRED':
      return 'reauthenticate'
    case 'INVALID_CREDENTIALS': // Not a case for 'refresh': it answers a password, not a token.
    case 'BAD_USER_INPUT':
      return 'change input'
    case 'RATE_LIMITED':
    case 'SERVICE_UNAVAILABLE':
      return 'wait'
    case 'FORBIDDEN': // Not a case for 'sign in' either: the same user would be refused again.
      return 'give up'
    case 'INTERNAL_SERVER_ERROR':
    case 'OPERATION_TOO_COMPLEX':
    case 'GRAPHQL_PARSE_FAILED':
    case 'GRAPHQL_VALIDATION_FAILED':
    case 'BAD_REQUEST':
      return 'report'
    default:
      code satisfies never
      return 'report' // The server is newer than this page, or something else has answered in its place.
  }
}

/** Finds out whether one of the errors has a remedy. */
export function calls(errors: readonly GraphQLError[] | undefined, wanted: Remedy): boolean {
  return errors?.some((error) => remedy(error) === wanted) ?? false
}

/** Puts errors into words for the user. None means that there was no answer. */
export function explain(errors: readonly GraphQLError[]): string {
  const [error] = errors
  if (!error) return 'The server cannot be reached. Try again.'
  const { retryAfter, requestId } = extensions(error)
  switch (remedy(error)) {
    case 'wait':
      return `${error.message} (${String(retryAfter)} s)`
    case 'report':
      return requestId ? `${error.message} (request ${requestId})` : error.message
    default:
      return error.message
  }
}

/** The messages of BAD_USER_INPUT by the name of the input; those about the whole input are under ''. */
export function fieldMessages(errors: readonly GraphQLError[]): Partial<Record<string, string>> {
  const fields = errors.flatMap((error) => extensions(error).fields ?? [])
  return Object.fromEntries(fields.map(({ path, message }) => [path.slice(1).join('.'), message]))
}
