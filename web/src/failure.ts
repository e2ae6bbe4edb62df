import type { ErrorCode, InputErrorCode, UnauthenticatedReason } from './gql/enums'

/** An error of an answer, with what README.md says of its extensions. */
export interface AnswerError {
  message: string
  path?: (string | number)[]
  extensions?: {
    code?: ErrorCode
    reason?: UnauthenticatedReason
    fields?: { path: string[]; code: InputErrorCode; message: string }[]
    retryAfter?: number
    requestId?: string
  }
}

/** What send throws when an answer has errors, or when there is no answer. */
export class Failure extends Error {
  readonly errors: AnswerError[]

  constructor(errors: AnswerError[]) {
    super(errors.map((e) => words(e)).join(' '))
    this.errors = errors
  }

  /** What is wrong with a field of the input. */
  at(field: string): string | undefined {
    return this.fields().find((f) => f.path.at(-1) === field)?.message
  }

  /** What is wrong, without what belongs under one of these fields. */
  apartFrom(fields: string[]): string {
    const elsewhere = this.fields().filter((f) => !fields.includes(f.path.at(-1) ?? ''))
    const others = this.errors.filter((e) => !e.extensions?.fields)
    return [...others.map(words), ...elsewhere.map((f) => f.message)].join(' ')
  }

  private fields() {
    return this.errors.flatMap((e) => e.extensions?.fields ?? [])
  }
}

/** Makes a Failure of whatever was thrown. */
export function failure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown
  return new Failure([{ message: thrown instanceof Error ? thrown.message : String(thrown) }])
}

function words({ message, extensions }: AnswerError): string {
  switch (extensions?.code) {
    case 'RATE_LIMITED':
    case 'SERVICE_UNAVAILABLE':
      return `${message} Try again in ${String(extensions.retryAfter ?? 1)} s.`
    case 'INTERNAL_SERVER_ERROR':
      return `${message} Quote the request ${extensions.requestId ?? ''} when you report it.`
    case 'BAD_USER_INPUT':
      return extensions.fields?.map((f) => f.message).join(' ') ?? message
    default:
      return message
  }
}
