// The server and the session.
import { useSyncExternalStore } from 'react'
import { type Payload, UsherClient } from 'usher-client'

// Without VITE_USHER_URL the server has the origin of the page. With it, the server must allow the page's
// origin, and the browser keeps the cookie for the origin of the server.
const origin = (import.meta.env.VITE_USHER_URL as string | undefined) ?? ''

export const url = `${origin}/graphql`

export const usher = new UsherClient<Payload & { passwordCompromised?: boolean }>({
  url,
  completeLogin: `mutation CompleteLogin($input: CompleteLoginInput!) {
    completeLogin(input: $input) { accessToken expiresIn passwordCompromised session { id } }
  }`,
})

/** The id of the session. Null if the user is signed out, undefined until that is known. */
export function useSession(): string | null | undefined {
  const { known, credentials } = useSyncExternalStore(usher.subscribe, usher.state)
  return known ? (credentials?.session.id ?? null) : undefined
}
