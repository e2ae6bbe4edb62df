import { type ComponentProps, type SubmitEvent, useId } from 'react'
import { explain, type GraphQLError } from 'usher-client'

/** Returns the value of an input. */
export type Inputs = (name: string) => string

interface FormProps extends ComponentProps<'form'> {
  title: string
  busy: boolean
  /** Whether the browser works on a challenge. */
  solving?: boolean
  /** Undefined if the last attempt did not fail. Empty if there was no response. */
  errors: readonly GraphQLError[] | undefined
  submit: (form: Inputs) => Promise<unknown>
}

// The inputs that show their own messages.
const inputs = ['identifier', 'username', 'email', 'password', 'code']

/** A form, with the messages that belong to none of its inputs. */
export function Form({ title, busy, solving, errors, submit, children }: FormProps) {
  const onSubmit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    submit((name) => data.get(name) as string).catch((thrown: unknown) => { if (!isAbort(thrown)) throw thrown })
  }
  const message = errors && !solving && explain(errors, inputs) // the errors of the attempt before are the challenge
  return (
    <form onSubmit={onSubmit} noValidate>
      <h1>{title}</h1>
      {children}
      {message && <p role="alert">{message}</p>}
      <button disabled={busy || solving}>{title}</button>
      <p role="status">{solving && 'The server is getting many attempts, so your browser is solving a short puzzle first …'}</p>
    </form>
  )
}

// The user has left the form.
const isAbort = (thrown: unknown) => thrown instanceof DOMException && thrown.name === 'AbortError'

interface FieldProps extends ComponentProps<'input'> {
  label: string
  message: string | undefined
}

export function Field({ label, message, ...input }: FieldProps) {
  const id = useId()
  return (
    <p>
      <label htmlFor={id}>{label}</label>
      <input {...input} id={id} aria-invalid={message !== undefined} aria-describedby={`${id}-message`} />
      <span id={`${id}-message`} className="message">{message}</span>
    </p>
  )
}
