// The urql client of a session.
import { cacheExchange, Client, fetchExchange } from 'urql'
import { url, usher } from './usher'

/** Makes a client for one session, so that the next session does not see its cache. */
export function createClient(session: string): Client {
  return new Client({ ...options(session), exchanges: [cacheExchange, fetchExchange] })
}

/** Signs up and logs in. Its answers contain tokens, so it caches nothing. */
export const anonymous = new Client({ ...options(null), exchanges: [fetchExchange] })

function options(session: string | null) {
  return {
    url,
    fetch: usher.fetchIn(session),
    preferGetMethod: false, // URLs end up in logs, and variables do not belong there
  } as const
}
