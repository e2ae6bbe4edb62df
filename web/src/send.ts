// Requests of whoever is signed in.
import { Failure } from './failure'
import type { TypedDocumentString } from './gql/graphql'
import { type Answer, post, type Request } from './post'
import { current, refresh, signOut } from './session'
import { proveAnew } from './stepup'

/** Sends a typed operation. Throws a Failure when the answer has errors. */
export async function send<TData, TVariables>(
  document: TypedDocumentString<TData, TVariables>,
  ...[variables]: TVariables extends Record<string, never> ? [] : [TVariables]
): Promise<TData> {
  const { data, errors } = await authorized<TData>({ query: document.toString(), variables })
  if (errors) throw new Failure(errors)
  if (!data) throw new Failure([{ message: 'The answer is empty.' }])
  return data
}

/**
 * Sends a request with the access token. An expired one is refreshed once, a step up asks for the
 * password, and then the request is sent again. Own Authorization headers are left alone.
 */
export async function authorized<TData>(
  request: Request,
  headers: Record<string, string> = {},
): Promise<Answer<TData>> {
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) {
    return post(request, headers)
  }
  const { viewer } = current()
  if (viewer && viewer.expiresAt <= Date.now()) await refresh(viewer.accessToken)

  const attempt = async () => {
    const token = current().viewer?.accessToken ?? null
    const bearer = token === null ? {} : { Authorization: `Bearer ${token}` }
    return { token, answer: await post<TData>(request, { ...headers, ...bearer }) }
  }
  const { token, ...first } = await attempt()
  let { answer } = first
  if (token !== null) {
    const reason = refusal(answer)
    if (reason === 'TOKEN_EXPIRED') {
      if (await refresh(token)) ({ answer } = await attempt())
    } else if (reason && token === current().viewer?.accessToken) {
      signOut(reason)
    }
  }
  if (answer.errors?.some((e) => e.extensions?.code === 'STEP_UP_REQUIRED') && (await proveAnew())) {
    ;({ answer } = await attempt())
  }
  return answer
}

function refusal(answer: Answer) {
  return answer.errors?.find((e) => e.extensions?.code === 'UNAUTHENTICATED')?.extensions?.reason
}
