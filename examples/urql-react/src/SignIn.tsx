import { type ComponentProps, type SubmitEvent, useId, useState } from 'react'
import { type CombinedError, useMutation } from 'urql'
import { explain, fieldMessages } from 'usher-client'
import { graphql } from './generated'
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
      session {
        id
      }
    }
  }
`)

export function SignIn() {
  const [isNew, setNew] = useState(false)
  return (
    <main>
      {isNew ? <SignupForm /> : <LoginForm />}
      <button className="link" onClick={() => { setNew(!isNew) }}>
        {isNew ? 'Sign in instead' : 'Create an account'}
      </button>
    </main>
  )
}

function LoginForm() {
  const [{ error, fetching }, login] = useMutation(Login)
  const submit = async (form: Inputs) => {
    await usher.signIn(async () => {
      const { data } = await login({
        input: { identifier: form('identifier'), password: form('password'), session: 'COOKIE' },
      })
      return data?.login
    })
  }
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Sign in" busy={fetching} error={error} submit={submit}>
      <Field label="User name or e-mail address" name="identifier" autoComplete="username" message={messages.identifier} />
      <Field label="Password" name="password" type="password" autoComplete="current-password" message={messages.password} />
    </Form>
  )
}

function SignupForm() {
  const [{ error, fetching }, signup] = useMutation(Signup)
  const submit = async (form: Inputs) => {
    await usher.signIn(async () => {
      const { data } = await signup({
        input: {
          username: form('username') || null,
          email: form('email') || null,
          password: form('password'),
          session: 'COOKIE',
        },
      })
      return data?.signup
    })
  }
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Sign up" busy={fetching} error={error} submit={submit}>
      <Field label="User name" name="username" autoComplete="username" message={messages.username} />
      <Field label="E-mail address" name="email" inputMode="email" autoComplete="email" message={messages.email} />
      <Field label="Password" name="password" type="password" autoComplete="new-password" message={messages.password} />
    </Form>
  )
}

/** Returns the value of an input. */
type Inputs = (name: string) => string

interface FormProps extends ComponentProps<'form'> {
  title: string
  busy: boolean
  error: CombinedError | undefined
  submit: (form: Inputs) => Promise<void>
}

// The inputs that show their own messages.
const inputs = ['identifier', 'username', 'email', 'password']

/** A form, with the messages that belong to none of its inputs. */
function Form({ title, busy, error, submit, children }: FormProps) {
  const onSubmit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    void submit((name) => data.get(name) as string)
  }
  const errors = error?.graphQLErrors ?? []
  const message = explain(errors, inputs)
  return (
    <form onSubmit={onSubmit} noValidate>
      <h1>{title}</h1>
      {children}
      {error && message && <p role="alert">{message}</p>}
      <button disabled={busy}>{title}</button>
    </form>
  )
}

interface FieldProps extends ComponentProps<'input'> {
  label: string
  message: string | undefined
}

function Field({ label, message, ...input }: FieldProps) {
  const id = useId()
  return (
    <p>
      <label htmlFor={id}>{label}</label>
      <input {...input} id={id} aria-invalid={message !== undefined} aria-describedby={`${id}-message`} />
      <span id={`${id}-message`} className="message">{message}</span>
    </p>
  )
}
