import { useState } from 'react'

import { Form, Problem } from '../components/Form'
import { MailNote } from '../components/MailNote'
import { keepFlow, logInWithCode, requestLoginCode } from './loginCode'
import { SecondStep, useSteps } from './SecondStep'
import { codeField, emailField, trimmed } from './signIn'

/** Signs in with the code of a mail. */
export function ByMail({ back }: { back: () => void }) {
  const [email, setEmail] = useState<string>()
  const steps = useSteps()
  if (steps.second) {
    return (
      <SecondStep
        second={steps.second}
        right="The code is right."
        submit="Sign in"
        back={(why) => {
          setEmail(undefined) // the code was used
          steps.back(why)
        }}
      />
    )
  }
  if (email !== undefined) {
    return (
      <>
        <p role="status">
          If there is an account with the address <b>{email}</b>, a mail is on its way. Enter its code here within 10
          minutes, or open its link in this browser.
        </p>
        <MailNote />
        <Form
          key="code"
          submit="Sign in"
          fields={[{ ...codeField, focus: true }]}
          action={async ({ code }) => { await steps.begin(() => logInWithCode({ email, code: trimmed(code) })) }}
        >
          <button type="button" onClick={() => { setEmail(undefined) }}>Send another mail</button>
        </Form>
      </>
    )
  }
  return (
    <>
      <Problem text={steps.ended} />
      <p className="hint">
        You get a mail with a code. If your address is not verified yet, signing in verifies it and removes the password of the
        account, because someone else may have set it.
      </p>
      <Form
        key="address"
        submit="Email me a code"
        fields={[{ ...emailField, focus: true }]}
        action={async ({ email: typed = '' }, withSolution) => {
          keepFlow(await requestLoginCode(typed, withSolution))
          setEmail(typed)
        }}
      >
        <button type="button" onClick={back}>Back</button>
      </Form>
    </>
  )
}
