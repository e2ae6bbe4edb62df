import { type ComponentProps, type SubmitEvent, useId, useState } from 'react'
import { type CombinedError, useMutation } from 'urql'
import { explain, fieldMessages } from './errors'
import { graphql } from './generated'
import { signIn } from './session'

const Signup = graphql(`
  mutation Signup($input: SignupInput!) {
    signup(input: $input) {
      accessToken
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
        {isNew ? 'I have an account' : 'I am new here'}
      </button>
    </main>
  )
}

function LoginForm() {
  const [{ error, fetching }, login] = useMutation(Login)
  const submit = async (form: Inputs) => {
    const { data } = await login({
      input: { identifier: form('identifier'), password: form('password'), session: 'COOKIE' },
    })
    if (data) signIn(data.login)
  }
  const messages = fieldMessages(error?.graphQLErrors ?? [])
  return (
    <Form title="Log in" busy={fetching} error={error} submit={submit}>
      <Field label="User name or e-mail address" name="identifier" autoComplete="username" message={messages.identifier} />
      <Field label="Password" name="password" type="password" autoComplete="current-password" message={messages.password} />
    </Form>
  )
}

function SignupForm() {
  const [{ error, fetching }, signup] = useMutation(Signup)
  const submit = async (form: Inputs) => {
    const { data } = await signup({
      input: {
        username: form('username') || null,
        email: form('email') || null,
        password: form('password'),
        session: 'COOKIE',
      },
    })
    if (data) signIn(data.signup)
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

/** What the user has typed, by the name of the field. */
type Inputs = (name: string) => string

interface FormProps extends ComponentProps<'form'> {
  title: string
  busy: boolean
  error: CombinedError | undefined
  submit: (form: Inputs) => Promise<void>
}

/** A form with what is wrong with all of it. What is wrong with one field is the field's to say. */
function Form({ title, busy, error, submit, children }: FormProps) {
  const onSubmit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    void submit((name) => data.get(name) as string)
  }
  const errors = error?.graphQLErrors ?? []
  const messages = fieldMessages(errors)
  const message = messages[''] ?? (Object.keys(messages).length === 0 ? explain(errors) : undefined)
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
