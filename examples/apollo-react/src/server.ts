// Where the server is, and how to talk to it without a session.
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import { calls, explain, type GraphQLError } from './errors'
import { graphql } from './generated'
import type { SignIn } from './session'

// Without VITE_USHER_URL the server is where the page comes from. With it the browser keeps the cookie
// for another origin, which takes `credentials`, and the server has to allow the page's origin.
const origin = (import.meta.env.VITE_USHER_URL as string | undefined) ?? ''

export const http = new HttpLink({ uri: `${origin}/graphql`, credentials: 'include' })

/** Signs up, logs in and refreshes. Its answers hold tokens, which no cache should keep. */
export const anonymous = new ApolloClient({
  link: http,
  cache: new InMemoryCache(),
  defaultOptions: { mutate: { fetchPolicy: 'no-cache' } },
})

/** The errors of the server's answer; none if there was no answer. */
export function graphQLErrors(error: unknown): readonly GraphQLError[] {
  return CombinedGraphQLErrors.is(error) ? error.errors : []
}

const Refresh = graphql(`
  mutation Refresh {
    refresh(input: { session: COOKIE }) {
      accessToken
      session {
        id
      }
    }
  }
`)

/** Turns the browser's cookie into an access token; null if the user has to sign in. */
export async function refresh(): Promise<SignIn | null> {
  const { data, error } = await anonymous.mutate({ mutation: Refresh, errorPolicy: 'all' })
  if (data) return data.refresh
  const errors = graphQLErrors(error)
  if (calls(errors, 'sign in') || calls(errors, 'refresh')) return null // the cookie is not good either
  throw new Error(explain(errors))
}
