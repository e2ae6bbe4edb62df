import { useState } from 'react'

import { Form } from '../components/Form'
import { MailNote } from '../components/MailNote'
import { graphql } from '../gql'
import { sendAnonymously } from '../send'
import { PasswordSet } from './PasswordSet'
import { resetPassword } from './resetPassword'
import { codeField, identifierField, newPasswordField, trimmed } from './signIn'

const requestDocument = graphql(`
  mutation ConsoleRequestPasswordReset($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) { flow }
  }
`)

/** Asks for a mail to choose a new password, and then for the code of the mail. */
export function Forgot({ identifier = '', back }: { identifier?: string; back?: () => void }) {
  const [sent, setSent] = useState<{ flow: string; identifier: string }>()
  const [isSet, setSet] = useState(false)
  if (isSet) return <PasswordSet />
  if (sent) {
    return (
      <>
        <p role="status">
          If there is an account with an e-mail address, a mail is on its way. Open its link, or enter its code here
          within 10 minutes.
        </p>
        <MailNote />
        <Form
          key={sent.flow}
          submit="Set password and sign in"
          fields={[
            codeField,
            // The hidden field tells password managers which account this is.
            { name: 'identifier', label: 'User', autoComplete: 'username', value: sent.identifier, hidden: true },
            newPasswordField('New password'),
          ]}
          action={async ({ code, password = '' }) => {
            await resetPassword({ flow: sent.flow, code: trimmed(code), password })
            setSet(true)
          }}
        >
          <button type="button" onClick={() => { setSent(undefined) }}>Send another mail</button>
        </Form>
      </>
    )
  }
  return (
    <>
      <p className="hint">You get a mail with a link and a code, with which you choose a new password.</p>
      <Form
        submit="Send the mail"
        fields={[{ ...identifierField, value: identifier }]}
        action={async ({ identifier: typed = '' }, withSolution) => {
          const { requestPasswordReset } = await withSolution((challengeSolution) =>
            sendAnonymously(requestDocument, { input: { identifier: typed, challengeSolution } }))
          setSent({ flow: requestPasswordReset.flow, identifier: typed })
        }}
      >
        {back && <button type="button" onClick={back}>Back</button>}
      </Form>
    </>
  )
}
