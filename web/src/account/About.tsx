import { Time } from '../components/Time'
import type { Me } from './MyAccount'

/** Says when a factor was set up and used, or how many recovery codes are left. */
export function About({ factor: { remaining, createdAt, lastUsedAt } }: { factor: NonNullable<Me['factors']>[number] }) {
  if (typeof remaining === 'number') return <>{String(remaining)} left, made <Time at={createdAt} /></>
  return <>set up <Time at={createdAt} />{lastUsedAt && <>, last used <Time at={lastUsedAt} /></>}</>
}
