import { useMutation } from 'urql'
import { fieldMessages } from 'usher-client'
import { Field, Form, type Inputs } from './Form'
import { graphql } from './generated'
import { useChallenge } from './useChallenge'
import { usher } from './usher'

const RequestPasswordReset = graphql(`
  mutation RequestPasswordReset($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) {
      flow
    }
  }
`)

const ResetPassword = graphql(`
  mutation ResetPassword($input: ResetPasswordInput!) {
    resetPassword(input: $input) {
      auth {
        accessToken
        expiresIn
        session {
          id
        }
      }
    }
  }
`)

/** Requests a mail with a link and a code. Whether there is such an account shows only in its mailbox. */
export function ForgotPassword() {
  const [{ data, error, fetching }, request] = useMutation(RequestPasswordReset)
  const { solving, withSolution } = useChallenge()
  if (data?.requestPasswordReset) return <ResetByCode flow={data.requestPasswordReset.flow} />
  const submit = (form: Inputs) => withSolution((challengeSolution) =>
    request({ input: { identifier: form('identifier'), challengeSolution } }))
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Send a mail" busy={fetching} solving={solving} errors={error?.graphQLErrors} submit={submit}>
      <Field label="User name or e-mail address" name="identifier" autoComplete="username" message={messages.identifier} />
    </Form>
  )
}

function ResetByCode({ flow }: { flow: string }) {
  const { reset, error, fetching } = useReset()
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Set password" busy={fetching} errors={error?.graphQLErrors}
      submit={(form) => reset({ flow, code: form('code'), password: form('password') })}>
      <p>If there is such an account, it gets a mail. Open its link, or enter its code here.</p>
      <Field label="Code" name="code" inputMode="numeric" autoComplete="one-time-code" message={messages.code} />
      <Field label="New password" name="password" type="password" autoComplete="new-password" message={messages.password} />
    </Form>
  )
}

/** What the link in the mail opens. It must be rendered without a session. */
export function ResetByLink({ token, onDone }: { token: string; onDone: () => void }) {
  const { reset, error, fetching } = useReset()
  const submit = async (form: Inputs) => {
    if (await reset({ token, password: form('password') })) onDone()
  }
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Set password" busy={fetching} errors={error?.graphQLErrors} submit={submit}>
      <Field label="New password" name="password" type="password" autoComplete="new-password" message={messages.password} />
    </Form>
  )
}

type Secret = { token: string } | { flow: string; code: string }

/** Sets the password, which ends all sessions of the account, and signs in. */
function useReset() {
  const [{ error, fetching }, mutate] = useMutation(ResetPassword)
  const reset = (input: Secret & { password: string }) => usher.signIn(async () => {
    const { data } = await mutate({ input: { ...input, session: 'COOKIE' } })
    return data?.resetPassword.auth
  })
  return { reset, error, fetching }
}
