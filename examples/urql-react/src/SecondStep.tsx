import { useState } from 'react'
import { extensionsOf, type GraphQLError, type SecondFactor, UsherError } from 'usher-client'
import { Field, Form, type Inputs } from './Form'
import { usher } from './usher'

/** Completes a sign-in with a second factor: a code of an authenticator app, or a recovery code. */
export function SecondStep({ second, back }: { second: SecondFactor; back: () => void }) {
  const [recovers, setRecovers] = useState(!second.methods.includes('TOTP'))
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
  const isWrong = errors?.some((error) => extensionsOf(error).code === 'INVALID_CREDENTIALS')
  return (
    <main>
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
      {second.methods.includes('TOTP') && second.methods.includes('RECOVERY_CODE') && (
        <button className="link" onClick={() => { setRecovers(!recovers); setErrors(undefined) }}>
          {recovers ? 'Use your authenticator app' : 'Use a recovery code'}
        </button>
      )}
      <button className="link" onClick={back}>Back</button>
    </main>
  )
}
