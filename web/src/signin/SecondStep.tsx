import { useState } from 'react'
import { fieldMessages, type SecondFactor, secondFactorOf, UsherError } from 'usher-client'

import { usher } from '../session'
import { MethodForm } from './MethodForm'

/** The steps of a sign-in: the first one, and a second one if the account needs it. */
export function useSteps() {
  const [second, setSecond] = useState<SecondFactor>()
  const [ended, setEnded] = useState<string>()
  return {
    second,
    /** Why the second step was given up. */
    ended,
    /** Runs the first step. Resolves to whether the user is signed in then. */
    begin: async (signIn: () => Promise<unknown>) => {
      setEnded(undefined)
      try {
        await signIn()
      } catch (thrown) {
        const needed = secondFactorOf(thrown)
        if (!needed) throw thrown
        setSecond(needed)
        return false
      }
      return true
    },
    /** Goes back to the first step. */
    back: (why?: string) => {
      setEnded(why)
      setSecond(undefined)
    },
  }
}

const overdue = 'Your time to set up a second factor is over. Sign in with a code by mail, then set one up.'

/** The second step of a sign-in. */
export function SecondStep({ second, email = '', right, submit, back, done }: {
  second: SecondFactor
  /** The address of the account, if it is known. */
  email?: string
  /** What was right in the first step. */
  right: string
  submit: string
  back: (why?: string) => void
  /** What to do once the user is signed in. Throws a Failure. */
  done?: (() => Promise<void>) | undefined
}) {
  return (
    <>
      <p role="status">{right} One more step: confirm that it is you.</p>
      {second.methods[0] === 'EMAIL_CODE' && <p className="hint">{overdue}</p>}
      <MethodForm
        methods={second.methods}
        email={email}
        submit={submit}
        action={async (entered) => {
          if ('password' in entered) return // it is not among the methods
          try {
            await usher.completeSignIn(second, entered)
          } catch (thrown) {
            const over = thrown instanceof UsherError ? fieldMessages(thrown.errors).challenge : undefined
            if (over === undefined) throw thrown
            back(over)
            return
          }
          await done?.()
        }}
      >
        <button type="button" className="plain" onClick={() => { back() }}>Back</button>
      </MethodForm>
    </>
  )
}
