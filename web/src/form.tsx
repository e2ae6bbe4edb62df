import { type ReactNode, type SubmitEvent, useEffect, useId, useRef, useState } from 'react'

import { failure, type Failure } from './failure'

/** One text input of a Form. Its name is that of the input field in the schema. */
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
  /** Takes the values of the fields; throws a Failure. */
  action: (values: Record<string, string>) => Promise<void>
  children?: ReactNode
}

/** A form that shows what the server says against a field under that field. */
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

  const rest = problem?.apartFrom(fields.map((f) => f.name))
  return (
    <form ref={form} noValidate onSubmit={(event) => void onSubmit(event)}>
      {fields.map(({ name, label, type = 'text', autoComplete = 'off', hint, value, hidden }) => {
        const wrong = problem?.at(name)
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
      <Problem text={rest} />
      <div className="buttons">
        <button className="primary" disabled={busy}>
          {submit}
        </button>
        {children}
      </div>
    </form>
  )
}

/** Something that went wrong, said aloud by screen readers. */
export function Problem({ text }: { text: string | undefined }) {
  return text ? (
    <p className="wrong" role="alert">
      {text}
    </p>
  ) : null
}

/** Runs something that can fail, and knows whether it runs and how it failed the last time. */
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

/** A button that asks once more before it does something that cannot be undone. */
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
