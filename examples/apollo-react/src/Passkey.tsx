import { type ReactNode, useState } from 'react'
import type { PasskeyResult, PasskeySetupResult } from 'usher-client'
import { usher } from './usher'

interface ButtonProps {
  children: ReactNode
  /** Asks the browser for a passkey, and does something with it. */
  ask: () => Promise<PasskeyResult | PasskeySetupResult>
}

const problems = {
  done: undefined,
  cancelled: 'No passkey was used.',
  'not supported': 'Your browser does not support passkeys on this page.',
  'already set up': 'You have a passkey on this device already.',
}

/** A button for a passkey, and why it was not used. */
export function PasskeyButton({ children, ask }: ButtonProps) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  const onClick = () => {
    setBusy(true)
    setProblem(undefined)
    ask()
      .then(({ outcome }) => { setProblem(problems[outcome]) })
      .catch((thrown: unknown) => { setProblem(thrown instanceof Error ? thrown.message : String(thrown)) })
      .finally(() => { setBusy(false) })
  }
  return (
    <>
      <button disabled={busy} onClick={onClick}>{children}</button>
      {problem && <p role="alert">{problem}</p>}
    </>
  )
}

/**
 * Sets up passkeys. With the first one, the user gets recovery codes. The server wants a recent sign-in, with a second factor
 * if the user has one. A dialog for `usher.stepUp` would ask for it here. Without one, the user has to sign in again.
 */
export function Passkeys() {
  const [recoveryCodes, setRecoveryCodes] = useState<readonly string[]>() // undefined until a passkey is added
  const add = async () => {
    const result = await usher.addPasskey()
    if (result.outcome === 'done') setRecoveryCodes((shown) => result.recoveryCodes ?? shown ?? [])
    return result
  }
  return (
    <section aria-label="Passkeys">
      <h2>Passkeys</h2>
      <PasskeyButton ask={add}>Add a passkey</PasskeyButton>
      <div role="status">
        {recoveryCodes && <p>You can sign in with the passkey from now on.</p>}
        {recoveryCodes && recoveryCodes.length > 0 && (
          <>
            <p>Print these recovery codes or write them down. Each replaces a passkey once. They are not shown again.</p>
            <ul>{recoveryCodes.map((code) => <li key={code}><code>{code}</code></li>)}</ul>
          </>
        )}
      </div>
    </section>
  )
}
