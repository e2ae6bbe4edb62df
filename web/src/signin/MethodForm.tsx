import { type ReactNode, useState } from 'react'
import { type AuthMethod, extensionsOf, UsherError } from 'usher-client'

import type { FieldSpec } from '../components/Field'
import { Form } from '../components/Form'
import { passwordField, trimmed } from './signIn'

/** What a user enters, as the schema names it. */
export type Entered = { password: string } | { totp: string } | { recoveryCode: string }

interface Way {
  field: FieldSpec
  /** The button that switches to this method. */
  use: string
  entered: (text: string) => Entered
}

/** The code of an authenticator app. */
export const appCodeField: FieldSpec = {
  name: 'totp', label: 'Code of your authenticator app', autoComplete: 'one-time-code', numeric: true, required: 'Enter the code that the app shows.',
}

/** The methods that need nothing but a text, the first one first. */
const ways: Partial<Record<AuthMethod, Way>> = {
  PASSWORD: { field: passwordField, use: 'Use your password', entered: (password) => ({ password }) },
  TOTP: { field: appCodeField, use: 'Use your authenticator app', entered: (text) => ({ totp: trimmed(text) }) },
  RECOVERY_CODE: {
    field: {
      name: 'recoveryCode', label: 'Recovery code', required: 'Enter one of your recovery codes.',
      hint: 'One of the codes that you kept when you set up two-step sign-in. Each works once.',
    },
    use: 'Use a recovery code',
    entered: (recoveryCode) => ({ recoveryCode }),
  },
}

/** Asks for one of several methods. The user can switch between them. */
export function MethodForm({ methods, submit, user, action, children }: {
  methods: readonly AuthMethod[]
  submit: string
  /** The name of the user, for password managers. */
  user?: string
  /** Sends what was entered. Throws a Failure. */
  action: (entered: Entered) => Promise<void>
  children?: ReactNode
}) {
  const offered = (Object.keys(ways) as AuthMethod[]).filter((method) => methods.includes(method))
  const [chosen, setChosen] = useState<AuthMethod>()
  const method = chosen ?? offered[0]
  const way = method && ways[method]
  if (!way) {
    return (
      <>
        <p className="wrong" role="alert">This page does not support your second factor.</p>
        <div className="buttons">{children}</div>
      </>
    )
  }
  return (
    <Form
      key={method}
      submit={submit}
      fields={[{ name: 'username', label: 'User', autoComplete: 'username', value: user ?? '', hidden: true }, { ...way.field, focus: true }].slice(user ? 0 : 1)}
      action={(values) => action(way.entered(values[way.field.name] ?? '')).catch((thrown: unknown) => {
        throw method === 'PASSWORD' ? thrown : wrongCode(thrown, way.field.name)
      })}
    >
      {offered.filter((other) => other !== method).map((other) => (
        <button key={other} type="button" className="plain" onClick={() => { setChosen(other) }}>{ways[other]?.use}</button>
      ))}
      {children}
    </Form>
  )
}

/** Shows the message about a wrong code at its field. */
function wrongCode(thrown: unknown, name: string): unknown {
  if (!(thrown instanceof UsherError)) return thrown
  const message = thrown.errors.find((error) => extensionsOf(error).code === 'INVALID_CREDENTIALS')?.message
  if (message === undefined) return thrown
  const fields = [{ path: ['input', name], code: 'INCORRECT', message }]
  return new UsherError([{ message, extensions: { code: 'BAD_USER_INPUT', fields } }], message, { cause: thrown })
}
