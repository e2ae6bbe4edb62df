import { type ReactNode, type SubmitEvent, useEffect, useId, useRef, useState } from 'react'
import { explain, fieldMessages } from 'usher-client'

import { failure, type Failure } from './failure'

/** A text input of a Form. Its name is that of the input field in the schema. */
export interface FieldSpec {
  name: string
  label: string
  type?: 'text' | 'email' | 'password' | 'search'
  autoComplete?: string
  hint?: string
  value?: string
  hidden?: boolean
}

interface FormProps {
  fields: FieldSpec[]
  submit: string
  /** Takes the values of the fields. Throws an Failure. */
  action: (values: Record<string, string>) => Promise<void>
  children?: ReactNode
}

/** A form that shows the server's message about a field below that field. */
export function Form({ fields, submit, action, children }: FormProps) {
  const id = useId()
  const form = useRef<HTMLFormElement>(null)
  const { busy, problem, run } = useAction()

  const onSubmit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const values = Object.fromEntries(
      [...new FormData(event.currentTarget)].map(([name, value]) => [name, value as string]),
    )
    await run(() => action(values))
  }
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [problem])

  const messages = fieldMessages(problem?.errors ?? [])
  return (
    <form ref={form} noValidate onSubmit={(event) => void onSubmit(event)}>
      {fields.map(({ name, label, type = 'text', autoComplete = 'off', hint, value, hidden }) => {
        const wrong = messages[name]
        return (
          <div className="field" key={name} hidden={hidden}>
            <label htmlFor={`${id}-${name}`}>{label}</label>
            <input
              id={`${id}-${name}`}
              name={name}
              type={type}
              defaultValue={value}
              autoComplete={autoComplete}
              autoCapitalize="none"
              spellCheck={false}
              aria-invalid={wrong !== undefined}
              aria-describedby={`${id}-${name}-note`}
            />
            <p id={`${id}-${name}-note`} className={wrong ? 'wrong' : 'hint'}>
              {wrong ?? hint}
            </p>
          </div>
        )
      })}
      <Problem text={problem && messageOf(problem, fields.map((field) => field.name))} />
      <div className="buttons">
        <button className="primary" disabled={busy}>
          {submit}
        </button>
        {children}
      </div>
    </form>
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
