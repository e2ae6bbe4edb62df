// The client of a signed-in user.
import { authExchange } from '@urql/exchange-auth'
import { cacheExchange, Client, type Exchange, fetchExchange, mapExchange, type Operation } from 'urql'
import { calls } from './errors'
import { server } from './server'
import { accessToken, renew, signOut } from './session'

/** Makes a client for one session, so that nothing it cached is seen in the next one. */
export function createClient(session: string): Client {
  return new Client({
    ...server,
    exchanges: [cacheExchange, endExchange(session), refreshExchange(session), fetchExchange],
  })
}

/** Signs the tab out when the session has ended. */
function endExchange(session: string): Exchange {
  return mapExchange({
    onError({ graphQLErrors }) {
      if (calls(graphQLErrors, 'sign in')) signOut(session)
    },
  })
}

/**
 * Sends the access token along. When the server rejects it, requests wait for a new one and are sent once
 * more, however many there are.
 */
function refreshExchange(session: string): Exchange {
  return authExchange((utils) => {
    let refused: string | undefined
    return Promise.resolve({
      addAuthToOperation: (operation) =>
        utils.appendHeaders(operation, { authorization: `Bearer ${accessToken(session) ?? ''}` }),
      didAuthError({ graphQLErrors }, operation) {
        if (!calls(graphQLErrors, 'refresh')) return false
        refused = bearer(operation)
        return true
      },
      async refreshAuth() {
        // The error takes the place of all answers that are waited for.
        if (!(await renew(session, refused))) throw new Error('the session has ended')
      },
    })
  })
}

/** The access token that an operation was sent with. */
function bearer({ context: { fetchOptions } }: Operation): string | undefined {
  const { headers } = (typeof fetchOptions === 'function' ? fetchOptions() : fetchOptions) ?? {}
  return new Headers(headers).get('authorization')?.replace('Bearer ', '')
}
