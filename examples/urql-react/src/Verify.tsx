import { useMutation } from 'urql'
import { explain, fieldMessages } from 'usher-client'
import { Field, Form, type Inputs } from './Form'
import { graphql } from './generated'

const RequestEmailVerification = graphql(`
  mutation RequestEmailVerification {
    requestEmailVerification {
      user {
        id
      }
    }
  }
`)

const VerifyEmail = graphql(`
  mutation VerifyEmail($input: VerifyEmailInput!) {
    verifyEmail(input: $input) {
      email
      passwordRemoved
    }
  }
`)

/** Says that the address is not verified, and verifies it with a code. The link in the same mail does it too. */
export function VerifyBanner({ email }: { email: string }) {
  const [{ data, error, fetching }, request] = useMutation(RequestEmailVerification)
  return (
    <aside aria-label="E-mail address">
      <p>Your e-mail address is not verified.</p>
      {error && <p role="alert">{explain(error.graphQLErrors)}</p>}
      {data?.requestEmailVerification && <VerifyByCode email={email} />}
      <button disabled={fetching} onClick={() => void request({})}>Send a mail</button>
    </aside>
  )
}

function VerifyByCode({ email }: { email: string }) {
  const [{ error, fetching }, verify] = useMutation(VerifyEmail)
  // The answer has no user in it by which the cache would know what to ask for again.
  const submit = (form: Inputs) => verify({ input: { email, code: form('code') } }, { additionalTypenames: ['User'] })
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Verify" busy={fetching} errors={error?.graphQLErrors} submit={submit}>
      <p>Open the link in the mail to {email}, or enter its code here.</p>
      <Field label="Code" name="code" inputMode="numeric" autoComplete="one-time-code" message={messages.code} />
    </Form>
  )
}

/**
 * What the link in the mail opens. It asks for a click, because mail scanners open links. The request is sent in the
 * session of the user, if there is one: only then does the account keep its password.
 */
export function VerifyByLink({ token, onDone }: { token: string; onDone: () => void }) {
  const [{ data, error, fetching }, verify] = useMutation(VerifyEmail)
  if (data?.verifyEmail) {
    return (
      <>
        <h1>Your e-mail address is verified</h1>
        <p>{data.verifyEmail.email}</p>
        {data.verifyEmail.passwordRemoved && (
          <p>Somebody else may have created the account, so its password was removed. Choose a new one with “Forgot password”.</p>
        )}
        <button onClick={onDone}>Continue</button>
      </>
    )
  }
  const submit = () => verify({ input: { token } })
  return <Form title="Verify e-mail address" busy={fetching} errors={error?.graphQLErrors} submit={submit} />
}
