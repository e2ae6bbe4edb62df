// What happens before the browser leaves for a provider, and what the page keeps of it until the browser returns.
import { graphql } from '../gql'
import type { ConsoleProvidersQuery } from '../gql/graphql'
import { useQuery } from '../query'
import { href } from '../route'
import { sendAnonymously } from '../send'

const providersDocument = graphql(`
  query ConsoleProviders { providers { id name } }
`)

const beginDocument = graphql(`
  mutation ConsoleBeginProviderLogin($input: BeginProviderLoginInput!) {
    beginProviderLogin(input: $input) { url }
  }
`)

/** A party with whose accounts users can sign in. */
export type Provider = ConsoleProvidersQuery['providers'][number]

/** The providers of the server. Empty until it has answered. */
export const useProviders = (): readonly Provider[] => useQuery(providersDocument).data?.providers ?? []

/** What a visit to a provider is for. */
interface Visit {
  /** The name of the provider. */
  provider: string
  /** The id of the user who links an account. Missing for a sign-in. */
  linkTo?: string | undefined
  /** The view to go back to. */
  from: string
}

const key = 'usher-provider'

/** The last visit to a provider that this tab has begun. */
export function lastVisit(): Visit | undefined {
  const kept = sessionStorage.getItem(key)
  return kept === null ? undefined : JSON.parse(kept) as Visit
}

/** Sends the browser to a provider, to sign in or to link an account to a user. Throws a Failure. */
export async function visit({ id, name }: Provider, linkTo?: string) {
  const input = { provider: id, redirectTo: `${location.origin}/provider-login`, session: 'COOKIE' as const }
  const { url } = (await sendAnonymously(beginDocument, { input })).beginProviderLogin
  // Who tries again on the page to which providers return still comes from where they began.
  const view = location.hash === '' ? href('') : location.hash
  const from = view.startsWith('#/provider-login') ? lastVisit()?.from : view
  sessionStorage.setItem(key, JSON.stringify({ provider: name, linkTo, from: from ?? href('') } satisfies Visit))
  location.assign(url)
}
