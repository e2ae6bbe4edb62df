import { Time } from '../components/Time'
import type { UserDetailsFragment } from '../gql/graphql'
import { wordsOfMethod } from '../methods'

/** The accounts at providers with which a user can sign in, for administrators. */
export function Identities({ list }: { list: UserDetailsFragment['identities'] }) {
  if (!list?.length) return list ? 'none' : '–'
  return (
    <ul className="factors">
      {list.map(({ id, provider, issuer, email, createdAt, lastUsedAt }) => (
        <li key={id}>
          {provider?.name ?? issuer}{email && ` (${email})`}: {lastUsedAt ? <>last used <Time at={lastUsedAt} /></> : <>linked <Time at={createdAt} /></>}
        </li>
      ))}
    </ul>
  )
}

/** The second factors of a user, for administrators, who cannot change them. */
export function Factors({ list }: { list: UserDetailsFragment['factors'] }) {
  if (!list?.length) return list ? 'off' : '–'
  return (
    <ul className="factors">
      {list.map((factor) => (
        <li key={factor.id}>
          {factor.name ?? wordsOfMethod(factor.method)}:{' '}
          {typeof factor.remaining === 'number'
            ? `${String(factor.remaining)} left`
            : factor.lastUsedAt ? <>last used <Time at={factor.lastUsedAt} /></> : <>set up <Time at={factor.createdAt} /></>}
        </li>
      ))}
    </ul>
  )
}
