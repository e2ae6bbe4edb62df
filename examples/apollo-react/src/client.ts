// The Apollo Client of a session.
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client'
import type { GraphQLError } from 'usher-client'
import { url, usher } from './usher'

/** Makes a client for one session, so that the next session does not see its cache. */
export function createClient(session: string | null): ApolloClient {
  return new ApolloClient({
    link: new HttpLink({ uri: url, fetch: usher.fetchIn(session) }),
    cache: new InMemoryCache(),
  })
}

/** Signs up and logs in. Its answers contain tokens, so it caches nothing. */
export const anonymous = createClient(null)
anonymous.defaultOptions = { mutate: { fetchPolicy: 'no-cache' } }

/** The errors of the server's answer. There are none if there was no answer. */
export function graphQLErrors(error: unknown): readonly GraphQLError[] {
  return CombinedGraphQLErrors.is(error) ? error.errors : []
}
