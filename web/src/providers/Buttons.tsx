import { Problem, useAction } from '../components/Form'
import { type Provider, visit } from './begin'

/** A button for each provider, which sends the browser there. */
export function ProviderButtons({ list, label, linkTo }: {
  list: readonly Provider[]
  /** The beginning of what the buttons say. */
  label: string
  /** The id of the user who links an account. Missing for a sign-in. */
  linkTo?: string
}) {
  const { busy, problem, run } = useAction()
  if (list.length === 0) return null
  return (
    <>
      {list.map((provider) => (
        <button key={provider.id} type="button" className="provider" disabled={busy} onClick={() => void run(() => visit(provider, linkTo))}>
          <span className="initial" aria-hidden="true">{initialOf(provider.name)}</span>
          {label} {provider.name}
        </button>
      ))}
      <Problem text={problem?.message} />
    </>
  )
}

/** The first character of a name, also if it is not in the basic plane of Unicode. */
const initialOf = (name: string) => Array.from(name)[0]?.toLocaleUpperCase()
