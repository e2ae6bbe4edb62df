// Where the server is, and how to talk to it without a session.
import { Client, type ClientOptions, fetchExchange } from 'urql'
import { calls, explain } from './errors'
import { graphql } from './generated'
import type { SignIn } from './session'

// Without VITE_USHER_URL the server is where the page comes from. With it the browser keeps the cookie
// for another origin, which takes `credentials`, and the server has to allow the page's origin.
const origin = (import.meta.env.VITE_USHER_URL as string | undefined) ?? ''

export const server = {
  url: `${origin}/graphql`,
  fetchOptions: { credentials: 'include' },
  preferGetMethod: false, // URLs end up in logs, and variables do not belong there.
} satisfies Partial<ClientOptions>

/** Signs up, logs in and refreshes. Its answers hold tokens, which no cache should keep. */
export const anonymous = new Client({ ...server, exchanges: [fetchExchange] })

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
  const { data, error } = await anonymous.mutation(Refresh, {})
  if (data) return data.refresh
  const errors = error?.graphQLErrors ?? []
  if (calls(errors, 'sign in') || calls(errors, 'refresh')) return null // the cookie is not good either
  throw new Error(explain(errors))
}
