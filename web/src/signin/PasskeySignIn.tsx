import { useEffect, useEffectEvent, useState } from 'react'

import { Problem, useAction } from '../components/Form'
import type { Answer } from '../passkeys/ceremony'
import { loadPasskeys } from '../passkeys/load'
import { useLeaving } from '../passkeys/useLeaving'

/** Signs in with a passkey: with a button, and by autofill in a field with autocomplete="username webauthn". */
export function PasskeySignIn({ paused, done }: {
  /** Whether something else is signing in. */
  paused: boolean
  /** What to do once the user is signed in. Throws a Failure. */
  done: (() => Promise<void>) | undefined
}) {
  const { busy, problem, run } = useAction()
  const [tried, setTried] = useState(false)
  const leaving = useLeaving()
  const signIn = async (answer: Answer) => {
    const { signInWith } = await loadPasskeys()
    await signInWith(answer)
    await done?.()
  }
  const chosen = useEffectEvent((answer: Answer) => {
    setTried(true) // what was refused is not offered again
    void run(() => signIn(answer))
  })
  const offers = !paused && !busy && !tried
  useEffect(() => {
    if (!offers) return
    const controller = new AbortController()
    // Nobody has asked for this, so nobody is told if it fails. The button says what is wrong.
    loadPasskeys().then(({ askByAutofill }) => askByAutofill(controller.signal)).then(chosen, () => undefined)
    return () => { controller.abort() }
  }, [offers])
  const ask = () => void run(async () => {
    const { askForPasskey } = await loadPasskeys()
    await signIn(await askForPasskey(leaving()))
  })
  return (
    <>
      <button type="button" disabled={busy || paused} onClick={ask}>Sign in with a passkey</button>
      <Problem text={problem?.message} />
    </>
  )
}
