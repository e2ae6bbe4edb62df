import { useState } from 'react'
import { useMutation } from 'urql'
import { fieldMessages, type SecondFactor, secondFactorOf } from 'usher-client'
import { Field, Form, type Inputs } from './Form'
import { graphql } from './generated'
import { PasskeyButton } from './Passkey'
import { ProviderButtons } from './Provider'
import { ForgotPassword } from './Reset'
import { SecondStep } from './SecondStep'
import { useChallenge } from './useChallenge'
import { usher } from './usher'

const Signup = graphql(`
  mutation Signup($input: SignupInput!) {
    signup(input: $input) {
      accessToken
      expiresIn
      session {
        id
      }
    }
  }
`)

const Login = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      accessToken
      expiresIn
      passwordCompromised
      session {
        id
      }
    }
  }
`)

type View = 'sign in' | 'sign up' | 'forgot password'

export function SignIn() {
  const [view, setView] = useState<View>('sign in')
  const [second, setSecond] = useState<SecondFactor>()
  const links: Record<View, string> = { 'sign in': 'Sign in instead', 'sign up': 'Create an account', 'forgot password': 'Forgot password' }
  if (second) return <SecondStep second={second} back={() => { setSecond(undefined) }} />
  return (
    <main>
      {view === 'sign in' && (
        <>
          <LoginForm proceed={setSecond} />
          <PasskeyButton ask={() => usher.signInWithPasskey()}>Sign in with a passkey</PasskeyButton>
          <ProviderButtons />
        </>
      )}
      {view === 'sign up' && <SignupForm />}
      {view === 'forgot password' && <ForgotPassword />}
      {(Object.keys(links) as View[]).filter((other) => other !== view).map((other) => (
        <button key={other} className="link" onClick={() => { setView(other) }}>{links[other]}</button>
      ))}
    </main>
  )
}

/** Signs in with the password. It calls `proceed` if the account needs a second factor. */
function LoginForm({ proceed }: { proceed: (second: SecondFactor | undefined) => void }) {
  const [{ error, fetching }, login] = useMutation(Login)
  const { solving, withSolution } = useChallenge()
  const submit = async (form: Inputs) => {
    await usher.signIn(async () => {
      const result = await withSolution((challengeSolution) => login({
        input: { identifier: form('identifier'), password: form('password'), challengeSolution, session: 'COOKIE' },
      }))
      proceed(secondFactorOf(result))
      return result.data?.login
    })
  }
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Sign in" busy={fetching} solving={solving} errors={error?.graphQLErrors} submit={submit}>
      <Field label="User name or e-mail address" name="identifier" autoComplete="username" message={messages.identifier} />
      <Field label="Password" name="password" type="password" autoComplete="current-password" message={messages.password} />
    </Form>
  )
}

function SignupForm() {
  const [{ error, fetching }, signup] = useMutation(Signup)
  const { solving, withSolution } = useChallenge()
  const submit = async (form: Inputs) => {
    await usher.signIn(async () => {
      const { data } = await withSolution((challengeSolution) => signup({
        input: {
          username: form('username') || null,
          email: form('email') || null,
          password: form('password'),
          challengeSolution,
          session: 'COOKIE',
        },
      }))
      return data?.signup
    })
  }
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Sign up" busy={fetching} solving={solving} errors={error?.graphQLErrors} submit={submit}>
      <Field label="User name" name="username" autoComplete="username" message={messages.username} />
      <Field label="E-mail address" name="email" inputMode="email" autoComplete="email" message={messages.email} />
      <Field label="Password" name="password" type="password" autoComplete="new-password" message={messages.password} />
    </Form>
  )
}
