import { nameOf } from './Account'
import { Dialog } from './components/Dialog'
import { useQuestion, useSession } from './session'
import { MethodForm } from './signin/MethodForm'

/** Asks for the password, a code or a passkey when a request needs a confirmation of the user's identity. */
export function StepUp() {
  const question = useQuestion()
  const { viewer } = useSession()
  if (!question) return null
  // Whoever has signed up at a provider may have no password.
  const byProvider = viewer?.session.methods.includes('PROVIDER') && question.methods.includes('PASSWORD')
  return (
    <Dialog key={question.session} title="Confirm your identity to continue" close={() => { question.cancel() }}>
      <p>
        {question.assurance === 'AAL2'
          ? 'This action needs your second factor.'
          : 'This action needs a more recent sign-in.'}
        {byProvider && ' If your account has no password, you can also sign out, and sign in again as you did before.'}
      </p>
      <MethodForm
        methods={question.methods}
        first={byProvider ? 'EMAIL_CODE' : undefined}
        submit="Continue"
        user={viewer ? nameOf(viewer.user) : ''}
        email={viewer?.user.email}
        action={question.confirm}
      >
        <button type="button" onClick={() => { question.cancel() }}>
          Cancel
        </button>
      </MethodForm>
    </Dialog>
  )
}
