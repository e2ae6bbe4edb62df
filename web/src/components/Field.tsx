import { useId, useRef, useState } from 'react'

import { generatePassword } from './generatePassword'

/** An input of a Form. Its name is that of the input field in the schema. */
export interface FieldSpec {
  name: string
  label: string
  /** `lines` is a text of several lines. `choices` are checkboxes, and `select` is one of several values. */
  type?: 'text' | 'email' | 'password' | 'search' | 'lines' | 'choices' | 'select'
  autoComplete?: string
  hint?: string
  /** The value at first. That of choices is separated by spaces. */
  value?: string
  hidden?: boolean
  /** The message if the field is empty. Without it the field is optional. */
  required?: string
  minLength?: number | undefined
  /** Whether it has only digits, for the keyboard of phones. */
  numeric?: boolean
  /** Whether it has the focus when it appears. */
  focus?: boolean
  /** Whether a password can be generated. */
  generate?: boolean
  /** What can be chosen, with its value as the label by default. A fixed one is always checked, and not sent. */
  options?: { value: string; label?: string; about?: string | null | undefined; fixed?: boolean }[]
}

interface Props {
  id: string
  field: FieldSpec
  wrong: string | undefined
}

/** An input with its label and its message or hint. */
export function Field({ id, field, wrong }: Props) {
  if (field.type === 'choices') return <Choices id={id} field={field} wrong={wrong} />
  const { name, label, type = 'text', value, autoComplete = 'off', hidden, required, minLength } = field
  const shared = {
    id,
    name,
    defaultValue: value,
    autoComplete,
    spellCheck: false,
    autoFocus: field.focus,
    'aria-required': required !== undefined,
    'aria-invalid': wrong !== undefined,
    'aria-describedby': `${id}-note`,
  }
  return (
    <div className="field" hidden={hidden}>
      <label htmlFor={id}>{label}</label>
      {type === 'lines'
        ? <textarea {...shared} rows={Math.min(12, Math.max(3, (value ?? '').split('\n').length))} />
        : type === 'password'
          ? <Secret input={{ ...shared, minLength }} generate={field.generate} />
          : type === 'select'
            ? <select {...shared}>{field.options?.map((option) => <option key={option.value} value={option.value}>{option.label ?? option.value}</option>)}</select>
            : <input {...shared} type={type} inputMode={field.numeric ? 'numeric' : undefined} autoCapitalize={autoComplete === 'name' ? 'words' : 'none'} />}
      <Note id={id} field={field} wrong={wrong} />
    </div>
  )
}

function Note({ id, field, wrong }: Props) {
  return <p id={`${id}-note`} className={wrong ? 'wrong' : 'hint'}>{wrong ?? field.hint}</p>
}

/** A password, which can be shown. The minimum length is for password managers, which generate longer ones. */
function Secret({ input, generate }: {
  input: { id: string; name: string; minLength: number | undefined }
  generate: boolean | undefined
}) {
  const [shown, setShown] = useState(false)
  const element = useRef<HTMLInputElement>(null)
  return (
    <div className={generate ? 'secret generated' : 'secret'}>
      <input {...input} ref={element} type={shown ? 'text' : 'password'} autoCapitalize="none" />
      <span>
        {generate && (
          <button
            type="button"
            className="plain"
            onClick={() => {
              if (element.current) element.current.value = generatePassword(input.minLength)
              setShown(true)
            }}
          >
            Generate<span className="unseen"> a password</span>
          </button>
        )}
        <button type="button" className="plain" aria-pressed={shown} aria-controls={input.id} onClick={() => { setShown(!shown) }}>
          Show<span className="unseen"> password</span>
        </button>
      </span>
    </div>
  )
}

function Choices({ id, field, wrong }: Props) {
  const about = useId()
  const checked = field.value?.split(' ') ?? []
  return (
    <fieldset className="field" aria-describedby={`${id}-note`}>
      <legend>{field.label}</legend>
      <ul className="choices">
        {field.options?.map((option) => (
          <li key={option.value}>
            <label className="check">
              <input
                type="checkbox"
                name={field.name}
                value={option.value}
                defaultChecked={option.fixed === true || checked.includes(option.value)}
                disabled={option.fixed}
                aria-invalid={wrong !== undefined}
                aria-describedby={`${about}-${option.value}`}
              />
              {option.label ?? option.value}
            </label>
            <span className="hint" id={`${about}-${option.value}`}>{option.about}</span>
          </li>
        ))}
      </ul>
      <Note id={id} field={field} wrong={wrong} />
    </fieldset>
  )
}
