import { type ReactNode, useState } from 'react'
import { fieldMessages, type SecondFactor, secondFactorOf, UsherError } from 'usher-client'

import { Form, Problem } from '../components/Form'
import { usher } from '../session'
import { MethodForm } from './MethodForm'
import { identifierField, passwordField, signIn } from './signIn'

/** Signs in with the password and then, if the account needs it, with a second factor. */
export function SignInForm({ submit, done, children }: {
  submit: string
  /** What to do once the user is signed in. Throws a Failure. */
  done?: () => Promise<void>
  children?: ReactNode
}) {
  const [second, setSecond] = useState<SecondFactor>()
  const [ended, setEnded] = useState<string>()
  if (second) {
    return (
      <>
        <p role="status">Your password is right. One more step: confirm that it is you.</p>
        <MethodForm
          methods={second.methods}
          submit={submit}
          action={async (entered) => {
            if ('password' in entered) return // it is not among the methods
            try {
              await usher.completeSignIn(second, entered)
            } catch (thrown) {
              const over = thrown instanceof UsherError ? fieldMessages(thrown.errors).challenge : undefined
              if (over === undefined) throw thrown
              setEnded(over)
              setSecond(undefined)
              return
            }
            await done?.()
          }}
        >
          <button type="button" className="plain" onClick={() => { setSecond(undefined) }}>Back</button>
        </MethodForm>
      </>
    )
  }
  return (
    <>
      <Problem text={ended} />
      <Form
        submit={submit}
        fields={[identifierField, passwordField]}
        action={async (values, withSolution) => {
          setEnded(undefined)
          try {
            await signIn(values, withSolution)
          } catch (thrown) {
            const needed = secondFactorOf(thrown)
            if (!needed) throw thrown
            setSecond(needed)
            return
          }
          await done?.()
        }}
      >
        {children}
      </Form>
    </>
  )
}
