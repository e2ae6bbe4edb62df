import { nameOf } from './Account'
import { Dialog } from './components/Dialog'
import { Form } from './components/Form'
import { useQuestion, useSession } from './session'

/** Asks for the password when a request needs a recent confirmation of the user's identity. */
export function StepUp() {
  const question = useQuestion()
  const { viewer } = useSession()
  if (!question) return null
  return (
    <Dialog key={question.session} title="Confirm your identity to continue" close={() => { question.cancel() }}>
      <p>This action needs a more recent sign-in. Enter your password.</p>
      <Form
        submit="Continue"
        fields={[
          // The hidden field tells password managers which account this is.
          { name: 'username', label: 'User', autoComplete: 'username', value: viewer ? nameOf(viewer.user) : '', hidden: true },
          { name: 'password', label: 'Password', type: 'password', autoComplete: 'current-password', required: 'Enter your password.' },
        ]}
        action={({ password = '' }) => question.confirm({ password })}
      >
        <button type="button" onClick={() => { question.cancel() }}>
          Cancel
        </button>
      </Form>
    </Dialog>
  )
}
