import { type ReactNode, type SubmitEvent, useEffect, useId, useRef, useState } from 'react'
import { explain, fieldMessages } from 'usher-client'

import { failure, type Failure } from '../failure'

/** A text input of a Form. Its name is that of the input field in the schema. */
export interface FieldSpec {
  name: string
  label: string
  type?: 'text' | 'email' | 'password' | 'search'
  autoComplete?: string
  hint?: string
  value?: string
  hidden?: boolean
  /** The message if the field is empty. Without it the field is optional. */
  required?: string
  minLength?: number | undefined
}

interface FormProps {
  fields: FieldSpec[]
  submit: string
  /** Returns messages by the names of fields. A form with messages is not sent. */
  check?: (values: Record<string, string>) => Record<string, string> | undefined
  /** Takes the values of the fields. Throws a Failure. */
  action: (values: Record<string, string>) => Promise<void>
  children?: ReactNode
}

/** A form that shows a message about a field below that field, from the form itself or from the server. */
export function Form({ fields, submit, check, action, children }: FormProps) {
  const id = useId()
  const form = useRef<HTMLFormElement>(null)
  const { busy, problem, run } = useAction()
  const [refused, setRefused] = useState<Record<string, string>>({})

  const onSubmit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const values = Object.fromEntries(
      [...new FormData(event.currentTarget)].map(([name, value]) => [name, value as string]),
    )
    const empty = fields.filter(({ name, required }) => required && !values[name]).map(({ name, required }) => [name, required])
    const found = { ...check?.(values), ...Object.fromEntries(empty) as Record<string, string> }
    setRefused(found)
    if (Object.keys(found).length === 0) await run(() => action(values))
  }
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [problem, refused])

  const isRefused = Object.keys(refused).length > 0
  const messages: Partial<Record<string, string>> = isRefused ? refused : fieldMessages(problem?.errors ?? [])
  return (
    <form ref={form} noValidate onSubmit={(event) => void onSubmit(event)}>
      {fields.map((field) => <Field key={field.name} id={`${id}-${field.name}`} field={field} wrong={messages[field.name]} />)}
      <Problem text={isRefused ? undefined : problem && messageOf(problem, fields.map((field) => field.name))} />
      <div className="buttons">
        <button className="primary" disabled={busy}>
          {submit}
        </button>
        {children}
      </div>
    </form>
  )
}

/** An input with its label and its message or hint. A password can be shown. */
function Field({ id, field, wrong }: { id: string; field: FieldSpec; wrong: string | undefined }) {
  const { name, label, type = 'text', autoComplete = 'off', hint, value, hidden, required, minLength } = field
  const [shown, setShown] = useState(false)
  const isSecret = type === 'password'
  return (
    <div className="field" hidden={hidden}>
      <label htmlFor={id}>{label}</label>
      <div className={isSecret ? 'secret' : undefined}>
        <input
          id={id}
          name={name}
          type={isSecret && shown ? 'text' : type}
          defaultValue={value}
          autoComplete={autoComplete}
          autoCapitalize={autoComplete === 'name' ? 'words' : 'none'}
          spellCheck={false}
          minLength={minLength} // for password managers, which generate longer ones
          aria-required={required !== undefined}
          aria-invalid={wrong !== undefined}
          aria-describedby={`${id}-note`}
        />
        {isSecret && (
          <button type="button" className="plain" aria-pressed={shown} aria-controls={id} onClick={() => { setShown(!shown) }}>
            Show<span className="unseen"> password</span>
          </button>
        )}
      </div>
      <p id={`${id}-note`} className={wrong ? 'wrong' : 'hint'}>
        {wrong ?? hint}
      </p>
    </div>
  )
}

/** The message of a problem, without what the form shows at its fields. */
function messageOf({ errors, message }: Failure, fields: string[]): string {
  return errors.length > 0 ? explain(errors, fields) : message
}

/** An error message, which screen readers announce. */
export function Problem({ text }: { text: string | undefined }) {
  return text ? (
    <p className="wrong" role="alert">
      {text}
    </p>
  ) : null
}

/** Runs an action that can fail. Returns whether it is running and its last error. */
export function useAction() {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Failure>()
  const run = async (action: () => Promise<void>) => {
    setBusy(true)
    setProblem(undefined)
    try {
      await action()
    } catch (thrown) {
      setProblem(failure(thrown))
    } finally {
      setBusy(false)
    }
  }
  return { busy, problem, run }
}

/** A button that asks for confirmation before an action that cannot be undone. */
export function Confirm({ label, question, action }: { label: string; question: string; action: () => void }) {
  const [asked, setAsked] = useState(false)
  if (!asked) {
    return (
      <button type="button" className="danger" onClick={() => { setAsked(true) }}>
        {label}
      </button>
    )
  }
  return (
    <span className="confirm" role="group" aria-label={question}>
      {question}
      <button type="button" className="danger" autoFocus onClick={() => { setAsked(false); action() }}>
        Yes
      </button>
      <button type="button" onClick={() => { setAsked(false) }}>
        No
      </button>
    </span>
  )
}
