import { type ReactNode, useState } from 'react'

import { Form } from '../components/Form'
import { MailNote } from '../components/MailNote'
import { Placeholder } from '../components/Placeholder'
import { graphql } from '../gql'
import { useQuery } from '../query'
import { sendAnonymously } from '../send'
import { usher } from '../session'
import { completeSignUp, newAccountFields } from './completeSignUp'
import { codeField, given, newPasswordField, trimmed } from './signIn'

const modeDocument = graphql(`
  query ConsoleSignUpMode { signupMode }
`)

const signUpDocument = graphql(`
  mutation ConsoleSignUp($input: SignupInput!) {
    signup(input: $input) { ...SignIn }
  }
`)

const requestDocument = graphql(`
  mutation ConsoleRequestSignUp($input: RequestSignupInput!) {
    requestSignup(input: $input) { email }
  }
`)

/** Signs up, in the way that the server allows. `others` are other ways. */
export function SignUp({ others }: { others: ReactNode }) {
  const { data, problem, loading } = useQuery(modeDocument)
  switch (data?.signupMode) {
    case undefined: return <Placeholder loading={loading} problem={problem?.message} lines={4} />
    case 'VERIFIED': return <AddressFirst others={others} />
    case 'INVITE': return <p>You need an invitation to sign up. An administrator can send you one by mail.</p>
    case 'CLOSED': return <p>Nobody can sign up here. An administrator can create an account for you.</p>
    default: return <><Open />{others && <div className="other-ways">{others}</div>}</>
  }
}

function Open() {
  return (
    <Form
      check={({ username, email }) => (username || email ? undefined : { username: 'Enter a user name or an e-mail address.' })}
      submit="Sign up"
      fields={[
        { name: 'username', label: 'User name', autoComplete: 'username' },
        { name: 'email', label: 'E-mail', type: 'email', autoComplete: 'email', hint: 'Enter a user name, an e-mail address, or both.' },
        newPasswordField('Password'),
        { name: 'fullName', label: 'Full name (optional)', autoComplete: 'name' },
      ]}
      action={async ({ username, email, password = '', fullName }, withSolution) => {
        const input = { username: given(username), email: given(email), password, fullName: given(fullName) }
        await withSolution((challengeSolution) => usher.signIn(async () =>
          (await sendAnonymously(signUpDocument, { input: { ...input, challengeSolution, session: 'COOKIE' } })).signup))
      }}
    />
  )
}

/** Confirms the address before there is an account. */
function AddressFirst({ others }: { others: ReactNode }) {
  const [email, setEmail] = useState<string>()
  if (email === undefined) {
    return (
      <>
        <p className="hint">You get a mail with a link and a code, with which you create your account.</p>
        <Form
          submit="Send the mail"
          fields={[{ name: 'email', label: 'E-mail', type: 'email', autoComplete: 'email', required: 'Enter your e-mail address.' }]}
          action={async ({ email: typed = '' }, withSolution) => {
            const { requestSignup } = await withSolution((challengeSolution) =>
              sendAnonymously(requestDocument, { input: { email: typed, challengeSolution } }))
            setEmail(requestSignup.email)
          }}
        />
        {others && <div className="other-ways">{others}</div>}
      </>
    )
  }
  return (
    <>
      <p role="status">A mail is on its way to <b>{email}</b>. Open its link, or enter its code here within 10 minutes.</p>
      <MailNote />
      <Form
        submit="Create account"
        fields={[codeField, ...newAccountFields]}
        action={({ code, ...values }) => completeSignUp({ email, code: trimmed(code) }, values)}
      >
        <button type="button" onClick={() => { setEmail(undefined) }}>Back</button>
      </Form>
    </>
  )
}
