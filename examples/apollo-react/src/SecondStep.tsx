import { useState } from 'react'
import { type AuthMethod, extensionsOf, type GraphQLError, type SecondFactor, UsherError } from 'usher-client'
import { Field, Form, type Inputs } from './Form'
import { PasskeyButton } from './Passkey'
import { usher } from './usher'

/** Completes a sign-in with a second factor: a code of an authenticator app, a recovery code, or a passkey. */
export function SecondStep({ second, back }: { second: SecondFactor; back: () => void }) {
  const offers = (method: AuthMethod) => second.methods.includes(method)
  const [recovers, setRecovers] = useState(!offers('TOTP'))
  const [busy, setBusy] = useState(false)
  const [errors, setErrors] = useState<readonly GraphQLError[]>()
  const submit = async (form: Inputs) => {
    const code = form('code')
    setBusy(true)
    setErrors(undefined)
    try {
      await usher.completeSignIn(second, recovers ? { recoveryCode: code } : { totp: code })
    } catch (thrown) {
      if (!(thrown instanceof UsherError)) throw thrown
      setErrors(thrown.errors)
    } finally {
      setBusy(false)
    }
  }
  const answerWithPasskey = async () => {
    const asked = await usher.askForPasskey()
    if (asked.outcome === 'done') await usher.completeSignIn(second, asked.answer)
    return asked
  }
  const isWrong = errors?.some((error) => extensionsOf(error).code === 'INVALID_CREDENTIALS')
  return (
    <main>
      {(offers('TOTP') || offers('RECOVERY_CODE')) && (
        <Form key={String(recovers)} title="Sign in" busy={busy} errors={isWrong ? undefined : errors} submit={submit}>
          <Field
            label={recovers ? 'Recovery code' : 'Code of your authenticator app'}
            name="code"
            autoFocus
            inputMode={recovers ? undefined : 'numeric'}
            autoComplete={recovers ? 'off' : 'one-time-code'}
            message={isWrong ? 'This code is wrong or was used before.' : undefined}
          />
        </Form>
      )}
      {!(['TOTP', 'RECOVERY_CODE', 'PASSKEY'] as const).some(offers) && <p role="alert">This page does not support your second factor.</p>}
      {offers('PASSKEY') && <PasskeyButton ask={answerWithPasskey}>Use a passkey</PasskeyButton>}
      {offers('TOTP') && offers('RECOVERY_CODE') && (
        <button className="link" onClick={() => { setRecovers(!recovers); setErrors(undefined) }}>
          {recovers ? 'Use your authenticator app' : 'Use a recovery code'}
        </button>
      )}
      <button className="link" onClick={back}>Back</button>
    </main>
  )
}
