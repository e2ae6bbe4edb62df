import { type ReactNode, useState } from 'react'

import { Form, Problem } from '../components/Form'
import { hasPasskeys } from '../page'
import { PasskeySignIn } from './PasskeySignIn'
import { SecondStep, useSteps } from './SecondStep'
import { identifierField, passwordField, signIn } from './signIn'

/** Signs in with a passkey, or with the password and then, if the account needs it, with a second factor. */
export function SignInForm({ submit, done, others, children }: {
  submit: string
  /** What to do once the user is signed in. Throws a Failure. */
  done?: () => Promise<void>
  /** Other ways to sign in. */
  others?: ReactNode
  children?: ReactNode
}) {
  const { second, ended, begin, back } = useSteps()
  const [busy, setBusy] = useState(false)
  const [email, setEmail] = useState('')
  if (second) return <SecondStep second={second} email={email} right="Your password is right." submit={submit} back={back} done={done} />
  return (
    <>
      <Problem text={ended} />
      <Form
        submit={submit}
        fields={[
          hasPasskeys ? { ...identifierField, autoComplete: 'username webauthn' } : identifierField,
          passwordField,
        ]}
        action={async (values, withSolution) => {
          setBusy(true)
          setEmail(values.identifier?.includes('@') ? values.identifier : '')
          try {
            if (await begin(() => signIn(values, withSolution))) await done?.()
          } finally {
            setBusy(false)
          }
        }}
      >
        {children}
      </Form>
      {(hasPasskeys || others) && (
        <div className="other-ways">
          {hasPasskeys && <PasskeySignIn paused={busy} done={done} />}
          {others}
        </div>
      )}
    </>
  )
}
