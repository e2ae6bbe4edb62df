// The client of a signed-in user.
import { ApolloClient, ApolloLink, type HttpLink, InMemoryCache, type Observable } from '@apollo/client'
import { from, mergeMap, of } from 'rxjs'
import { calls } from './errors'
import { http } from './server'
import { accessToken, renew, signOut } from './session'

/** Makes a client for one session, so that nothing it cached is seen in the next one. */
export function createClient(session: string): ApolloClient {
  return new ApolloClient({ link: authLink(session).concat(http), cache: new InMemoryCache() })
}

/**
 * Sends the access token along. When the server rejects it, requests wait for a new one and are sent once
 * more, however many there are. When the session has ended, the tab is signed out.
 */
function authLink(session: string): ApolloLink {
  return new ApolloLink((operation, forward) => {
    const send = (again: boolean): Observable<ApolloLink.Result> => {
      const token = accessToken(session)
      operation.setContext(({ headers }: HttpLink.ContextOptions) => ({
        headers: { ...headers, authorization: `Bearer ${token ?? ''}` },
      }))
      return forward(operation).pipe(
        mergeMap((result) => {
          if (calls(result.errors, 'sign in')) signOut(session)
          if (again || !calls(result.errors, 'refresh')) return of(result)
          return from(renew(session, token)).pipe(mergeMap((renewed) => (renewed ? send(true) : of(result))))
        }),
      )
    }
    return send(false)
  })
}
