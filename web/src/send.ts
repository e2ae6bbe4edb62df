// Requests of whoever is signed in.
import { Failure } from './failure'
import type { TypedDocumentString } from './gql/graphql'
import { type Answer, post, type Request } from './post'
import { alone, current, refresh, signOut } from './session'
import { proveAnew } from './stepup'

type Variables<T> = T extends Record<string, never> ? [] : [T]

/** Sends a typed operation. Throws a Failure when the answer has errors. */
export async function send<TData, TVariables>(
  document: TypedDocumentString<TData, TVariables>,
  ...[variables]: Variables<TVariables>
): Promise<TData> {
  return dataOf(await authorized<TData>({ query: document.toString(), variables }))
}

/** Sends an operation whose answer sets or removes the cookie, while no other such one is under way. */
export async function sendAlone<TData, TVariables>(
  document: TypedDocumentString<TData, TVariables>,
  ...[variables]: Variables<TVariables>
): Promise<TData> {
  return dataOf(await authorized<TData>({ query: document.toString(), variables }, {}, alone))
}

function dataOf<TData>({ data, errors }: Answer<TData>): TData {
  if (errors) throw new Failure(errors)
  if (!data) throw new Failure([{ message: 'The answer is empty.' }])
  return data
}

/**
 * Sends a request with the access token. One that the server does not accept is refreshed once, a step
 * up asks for the password, and then the request is sent again. It is sent in the session that asked and in no other:
 * when that is gone, it throws a Failure. Own Authorization headers are left alone.
 */
export async function authorized<TData>(
  request: Request,
  headers: Record<string, string> = {},
  turn: typeof alone = (task) => task(),
): Promise<Answer<TData>> {
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) {
    return post(request, headers)
  }
  const { viewer } = current()
  if (!viewer) return turn(() => post(request, headers))
  const session = viewer.session.id
  if (viewer.expiresAt <= Date.now()) await refresh(viewer.accessToken)

  const attempt = () => turn(async () => {
    const token = tokenOf(session)
    return { token, answer: await post<TData>(request, { ...headers, Authorization: `Bearer ${token}` }) }
  })
  const { token, ...first } = await attempt()
  let { answer } = first
  const reason = refusal(answer)
  if (reason === 'TOKEN_EXPIRED' || reason === 'TOKEN_INVALID') { // the session may be alive all the same
    if (await refresh(token)) ({ answer } = await attempt())
  } else if (reason && token === current().viewer?.accessToken) {
    signOut(reason)
  }
  if (answer.errors?.some((e) => e.extensions?.code === 'STEP_UP_REQUIRED')) {
    const proved = await proveAnew(session)
    tokenOf(session)
    if (proved) ({ answer } = await attempt())
  }
  return answer
}

/** The access token of a session. Throws a Failure when this page is not in it any more. */
function tokenOf(session: string): string {
  const { viewer } = current()
  if (viewer?.session.id === session) return viewer.accessToken
  throw new Failure([{
    message: viewer
      ? 'You are in another session by now, so this was not done. Try again.'
      : 'You are signed out, so this was not done.',
  }])
}

function refusal(answer: Answer) {
  return answer.errors?.find((e) => e.extensions?.code === 'UNAUTHENTICATED')?.extensions?.reason
}
