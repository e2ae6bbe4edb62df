import { nameOf } from './Account'
import { Dialog } from './Dialog'
import { Form } from './form'
import { graphql } from './gql'
import { send } from './send'
import { renewWith, useSession } from './session'
import { useQuestion } from './stepup'

const reauthenticateDocument = graphql(`
  mutation ConsoleReauthenticate($input: ReauthenticateInput!) {
    reauthenticate(input: $input) { ...SignIn }
  }
`)

/** Asks for the password when a request needs a fresh proof of who the user is. */
export function StepUp() {
  const question = useQuestion()
  const { viewer } = useSession()
  if (!question) return null
  return (
    <Dialog key={question.session} title="Is it still you?" close={() => { question.answer(false) }}>
      <p>You signed in a while ago, and this needs a fresh proof.</p>
      <Form
        submit="Continue"
        fields={[
          // The hidden one tells password managers whose password it is.
          { name: 'username', label: 'User', autoComplete: 'username', value: viewer ? nameOf(viewer.user) : '', hidden: true },
          { name: 'password', label: 'Password', type: 'password', autoComplete: 'current-password' },
        ]}
        action={async ({ password = '' }) => {
          renewWith((await send(reauthenticateDocument, { input: { password } })).reauthenticate)
          question.answer(true)
        }}
      >
        <button type="button" onClick={() => { question.answer(false) }}>
          Cancel
        </button>
      </Form>
    </Dialog>
  )
}
