import { Time } from '../components/Time'
import type { UserDetailsFragment } from '../gql/graphql'
import { wordsOfMethod } from '../methods'

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
