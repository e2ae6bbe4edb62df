import { type ReactNode, type SubmitEvent, useEffect, useId, useRef, useState } from 'react'
import { explain, fieldMessages } from 'usher-client'

import { useChallenge, type WithSolution } from '../challenge'
import { failure, type Failure } from '../failure'
import { Field, type FieldSpec } from './Field'

interface FormProps {
  fields: FieldSpec[]
  submit: string
  /** Whether another form of the page is more likely to be sent. */
  secondary?: boolean
  /** Whether its button has the focus when it appears. */
  focus?: boolean
  /** Returns messages by the names of fields. A form with messages is not sent. */
  check?: (values: Record<string, string>) => Record<string, string> | undefined
  /** Takes the values of the fields. Choices are separated by spaces. Throws a Failure. */
  action: (values: Record<string, string>, withSolution: WithSolution) => Promise<void>
  children?: ReactNode
}

/** A form that shows a message about a field below that field, from the form itself or from the server. */
export function Form({ fields, submit, secondary, focus, check, action, children }: FormProps) {
  const id = useId()
  const form = useRef<HTMLFormElement>(null)
  const { busy, problem, run } = useAction()
  const { solving, withSolution } = useChallenge()
  const [refused, setRefused] = useState<Record<string, string>>({})

  const onSubmit = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget)
    const values = Object.fromEntries(fields.map(({ name }) => [name, (data.getAll(name) as string[]).join(' ')]))
    const empty = fields.filter(({ name, required }) => required && !values[name]).map(({ name, required }) => [name, required])
    const found = { ...check?.(values), ...Object.fromEntries(empty) as Record<string, string> }
    setRefused(found)
    if (Object.keys(found).length === 0) await run(() => action(values, withSolution))
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
        <button className={secondary ? undefined : 'primary'} disabled={busy} autoFocus={focus}>
          {submit}
        </button>
        {children}
      </div>
      <p role="status" className="hint">{solving && puzzle}</p>
    </form>
  )
}

const puzzle = 'The server is getting many attempts, so your browser is solving a short puzzle first. You do not need to do anything.'

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
