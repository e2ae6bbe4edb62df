// What the errors of Usher mean to a client.
import type { Challenge } from './challenge.js'

/** An error in a GraphQL response, as every GraphQL client passes it on. */
export interface GraphQLError {
  readonly message: string
  readonly path?: readonly (string | number)[] | undefined
  readonly extensions?: Readonly<Record<string, unknown>> | undefined
}

/** What a client can do about an error. */
export type Remedy = 'refresh' | 'sign in' | 'verify email' | 'reauthenticate' | 'complete sign-in' | 'link identity' | 'set up second factor' | 'solve challenge' | 'change input' | 'wait' | 'give up' | 'report'

// All values of the schema's `ErrorCode`. A test compares them with the schema.
const remedies = {
  UNAUTHENTICATED: 'sign in', // or 'refresh', depending on the reason
  EMAIL_NOT_VERIFIED: 'verify email',
  STEP_UP_REQUIRED: 'reauthenticate',
  SECOND_FACTOR_REQUIRED: 'complete sign-in',
  SECOND_FACTOR_SETUP_REQUIRED: 'set up second factor',
  INVALID_CREDENTIALS: 'change input', // about a password or a code, so a refresh does not help
  IDENTITY_NOT_LINKED: 'link identity', // after a sign-in to the account that has the address
  BAD_USER_INPUT: 'change input',
  RATE_LIMITED: 'wait',
  CHALLENGE_REQUIRED: 'solve challenge',
  SERVICE_UNAVAILABLE: 'wait',
  FORBIDDEN: 'give up', // a new sign-in of the same user does not help
  MAIL_DISABLED: 'give up',
  EMAIL_CONFIRMATION_REQUIRED: 'give up', // only requestSignup helps
  INVITATION_REQUIRED: 'give up',
  SIGNUP_CLOSED: 'give up',
  INTERNAL_SERVER_ERROR: 'report',
  OPERATION_TOO_COMPLEX: 'report',
  GRAPHQL_PARSE_FAILED: 'report',
  GRAPHQL_VALIDATION_FAILED: 'report',
  BAD_REQUEST: 'report',
  PERSISTED_QUERY_NOT_SUPPORTED: 'report', // Apollo Client and urql send the query themselves
  PERSISTED_QUERY_NOT_FOUND: 'report', // the same
  DOCUMENT_NOT_TRUSTED: 'report',
} as const satisfies Record<string, Remedy>

export type ErrorCode = keyof typeof remedies
export const errorCodes = Object.keys(remedies) as ErrorCode[]

export const unauthenticatedReasons = [
  'NO_TOKEN', 'TOKEN_EXPIRED', 'TOKEN_INVALID', 'SESSION_ENDED', 'ACCOUNT_DISABLED',
] as const
export type UnauthenticatedReason = (typeof unauthenticatedReasons)[number]

export const inputErrorCodes = [
  'REQUIRED', 'TAKEN', 'TOO_SHORT', 'TOO_LONG', 'INVALID_FORMAT', 'TOO_COMMON', 'COMPROMISED', 'NOT_FOUND', 'LAST_ADMIN',
  'TOO_MANY', 'LAST_CREDENTIAL', 'IN_USE', 'SAME_AS_BEFORE', 'EXPIRED', 'INCORRECT',
] as const
export type InputErrorCode = (typeof inputErrorCodes)[number]

export const authMethods = ['PASSWORD', 'TOTP', 'PASSKEY', 'RECOVERY_CODE', 'EMAIL_CODE', 'PROVIDER'] as const
/** A way to prove who one is. A newer server may have more of them. */
export type AuthMethod = (typeof authMethods)[number]

export const assurances = ['AAL1', 'AAL2'] as const
/** How well a user has authenticated: AAL1 with one factor, AAL2 with two. */
export type Assurance = (typeof assurances)[number]

/** The `extensions` of an error. Which of them are set depends on `code`. */
export interface Extensions {
  readonly code?: ErrorCode
  readonly requestId?: string
  /** Of UNAUTHENTICATED. */
  readonly reason?: UnauthenticatedReason
  /** Of BAD_USER_INPUT. */
  readonly fields?: readonly { readonly path: readonly string[]; readonly code: InputErrorCode; readonly message: string }[]
  /** Of INVALID_CREDENTIALS: true if no account has the passkey. */
  readonly unknownPasskey?: boolean
  /** Of RATE_LIMITED and SERVICE_UNAVAILABLE, in seconds. */
  readonly retryAfter?: number
  /** Of STEP_UP_REQUIRED, in seconds. Not set if only the level matters. */
  readonly maxAge?: number
  /** Of STEP_UP_REQUIRED: the level that the confirmation must reach. */
  readonly assurance?: Assurance
  /** Of STEP_UP_REQUIRED and SECOND_FACTOR_REQUIRED: any one of them will do. */
  readonly methods?: readonly AuthMethod[]
  /** Of CHALLENGE_REQUIRED, what to solve. Of SECOND_FACTOR_REQUIRED, what `completeLogin` takes. */
  readonly challenge?: Challenge | string
  /** Of SECOND_FACTOR_REQUIRED: how long the challenge is valid, in seconds. */
  readonly expiresIn?: number
}

/** Returns the extensions of an error with their types. */
export function extensionsOf(error: GraphQLError): Extensions {
  return error.extensions ?? {}
}

/** Returns what a client can do about an error. */
export function remedy(error: GraphQLError): Remedy {
  const { code, reason } = extensionsOf(error)
  // An access token can become invalid before it expires, for example when the server's keys change.
  if (code === 'UNAUTHENTICATED' && (reason === 'TOKEN_EXPIRED' || reason === 'TOKEN_INVALID')) return 'refresh'
  // A code that is not listed comes from a newer server, or from something in front of it.
  return code !== undefined && Object.hasOwn(remedies, code) ? remedies[code] : 'report'
}

/** Returns the first error that has this remedy. */
export function find(errors: readonly GraphQLError[] | undefined, wanted: Remedy): GraphQLError | undefined {
  return errors?.find((error) => remedy(error) === wanted)
}

/**
 * Puts errors into words for the user. No errors means that there was no response. Messages about the
 * inputs named in `shown` are left out, for forms that show each of them beside its input.
 */
export function explain(errors: readonly GraphQLError[], shown: readonly string[] = []): string {
  if (errors.length === 0) return 'The server cannot be reached. Try again.'
  return errors.flatMap((error) => {
    const { fields, retryAfter = 1, requestId } = extensionsOf(error)
    if (fields) return fields.filter((field) => !shown.includes(inputName(field.path))).map((field) => field.message)
    const action = remedy(error)
    if (action === 'wait') return `${error.message} Try again in ${duration(retryAfter)}.`
    if (action === 'report' && requestId) return `${error.message} Quote the request ${requestId} when you report it.`
    return error.message
  }).join(' ')
}

/** Puts a time to wait into words, rounded up so that it is over afterwards. */
function duration(seconds: number): string {
  if (seconds < 120) return `${String(seconds)} s`
  return seconds < 7200 ? `${String(Math.ceil(seconds / 60))} min` : `${String(Math.ceil(seconds / 3600))} h`
}

/** Returns the messages of BAD_USER_INPUT by the name of the input; '' is the input as a whole. */
export function fieldMessages(errors: readonly GraphQLError[]): Partial<Record<string, string>> {
  const fields = errors.flatMap((error) => extensionsOf(error).fields ?? [])
  return Object.fromEntries(fields.map(({ path, message }) => [inputName(path), message]))
}

// A path begins with the name of the argument: ["input", "email"].
const inputName = (path: readonly string[]) => path.slice(1).join('.')

/** A request that failed: the errors of the response, or none if there was no response. */
export class UsherError extends Error {
  readonly errors: readonly GraphQLError[]

  constructor(errors: readonly GraphQLError[], message = explain(errors), options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.errors = errors
  }
}

/** The session of a request ended, or another one took its place, so the request was not sent again. */
export class SessionChangedError extends UsherError {}
