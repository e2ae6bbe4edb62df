import { type ReactNode, useState } from 'react'
import { type AuthMethod, extensionsOf, type PasskeyResponse, UsherError } from 'usher-client'

import type { FieldSpec } from '../components/Field'
import { Form } from '../components/Form'
import { MailNote } from '../components/MailNote'
import { hasMail, hasPasskeys } from '../page'
import { loadPasskeys } from '../passkeys/load'
import { useLeaving } from '../passkeys/useLeaving'
import { requestLoginCode } from './loginCode'
import { codeField, emailField, passwordField, trimmed } from './signIn'

/** What a user enters, as the schema names it. */
export type Entered = { password: string } | { totp: string } | { recoveryCode: string } | { emailCode: string } | { passkey: PasskeyResponse }

/** A method that needs nothing but a text. */
interface Typed {
  field: FieldSpec
  entered: (text: string) => Entered
}

/** The code of an authenticator app. */
export const appCodeField: FieldSpec = {
  name: 'totp', label: 'Code of your authenticator app', autoComplete: 'one-time-code', numeric: true, required: 'Enter the code that the app shows.',
}

const typed = {
  PASSWORD: { field: passwordField, entered: (password) => ({ password }) },
  TOTP: { field: appCodeField, entered: (text) => ({ totp: trimmed(text) }) },
  EMAIL_CODE: { field: { ...codeField, name: 'emailCode' }, entered: (text) => ({ emailCode: trimmed(text) }) },
  RECOVERY_CODE: {
    field: {
      name: 'recoveryCode', label: 'Recovery code', required: 'Enter one of your recovery codes.',
      hint: 'One of the codes that you kept when you set up two-step sign-in. Each works once.',
    },
    entered: (recoveryCode) => ({ recoveryCode }),
  },
} satisfies Partial<Record<AuthMethod, Typed>>

/** The buttons that switch to a method, the first method first. */
const ways: Record<Exclude<AuthMethod, 'PROVIDER'>, string> = {
  PASSWORD: 'Use your password',
  PASSKEY: 'Use a passkey',
  TOTP: 'Use your authenticator app',
  EMAIL_CODE: 'Use a code by mail',
  RECOVERY_CODE: 'Use a recovery code',
}

interface WayProps {
  submit: string
  user: string | undefined
  /** Sends what was entered. Throws a Failure. */
  action: (entered: Entered) => Promise<void>
  children: ReactNode
}

/** Asks for one of several methods. The user can switch between them. */
export function MethodForm({ methods, first, submit, user, email, action, children }: {
  methods: readonly AuthMethod[]
  /** The method to ask for first, if it is possible. */
  first?: AuthMethod | undefined
  submit: string
  /** The name of the user, for password managers. */
  user?: string
  /** The address of the user, for codes by mail. Empty if the user has to enter it, and missing if there is none. */
  email?: string | null | undefined
  action: WayProps['action']
  children?: ReactNode
}) {
  const possible = (method: AuthMethod) =>
    method === 'PASSKEY' ? hasPasskeys : method !== 'EMAIL_CODE' || (hasMail && typeof email === 'string')
  const offered = (Object.keys(ways) as (keyof typeof ways)[]).filter((method) => methods.includes(method) && possible(method))
  const [chosen, setChosen] = useState<keyof typeof ways>()
  const method = chosen ?? offered.find((one) => one === first) ?? offered[0]
  if (!method) {
    return (
      <>
        <p className="wrong" role="alert">This page does not support your second factor.</p>
        <div className="buttons">{children}</div>
      </>
    )
  }
  const shared: WayProps = {
    submit, user, action,
    children: (
      <>
        {offered.filter((other) => other !== method).map((other) => (
          <button key={other} type="button" className="plain" onClick={() => { setChosen(other) }}>{ways[other]}</button>
        ))}
        {children}
      </>
    ),
  }
  if (method === 'PASSKEY') return <Passkey {...shared} />
  if (method === 'EMAIL_CODE') return <MailedCode email={email ?? ''} {...shared} />
  return <Text key={method} method={method} {...shared} />
}

function Text({ method, submit, user, action, children }: WayProps & { method: keyof typeof typed }) {
  const { field, entered }: Typed = typed[method]
  return (
    <Form
      submit={submit}
      fields={[{ name: 'username', label: 'User', autoComplete: 'username', value: user ?? '', hidden: true }, { ...field, focus: true }].slice(user ? 0 : 1)}
      action={(values) => action(entered(values[field.name] ?? '')).catch((thrown: unknown) => {
        throw method === 'PASSWORD' ? thrown : wrongCode(thrown, field.name)
      })}
    >
      {children}
    </Form>
  )
}

function Passkey({ action, children }: WayProps) {
  const leaving = useLeaving()
  return (
    <>
      <p className="hint">Your browser asks you to confirm with a fingerprint, your face or a PIN.</p>
      <Form
        submit="Use a passkey"
        focus
        fields={[]}
        action={async () => {
          const { askForPasskey } = await loadPasskeys()
          const passkey = await askForPasskey(leaving())
          await action({ passkey }).catch((thrown: unknown) => {
            throw isWrong(thrown) ? new UsherError([], wrongPasskey, { cause: thrown }) : thrown
          })
        }}
      >
        {children}
      </Form>
    </>
  )
}

/** Mails a code, and asks for it. */
function MailedCode({ email, ...way }: WayProps & { email: string }) {
  const [sent, setSent] = useState<string>()
  if (sent !== undefined) {
    return (
      <>
        <p role="status">A mail to <b>{sent}</b> is on its way. Its code is valid for 10 minutes.</p>
        <MailNote />
        <Text
          method="EMAIL_CODE"
          {...way}
          children={<><button type="button" className="plain" onClick={() => { setSent(undefined) }}>Send another mail</button>{way.children}</>}
        />
      </>
    )
  }
  return (
    <Form
      submit="Email me a code"
      focus
      fields={[emailField].slice(email ? 1 : 0)}
      action={async ({ email: entered = email }, withSolution) => {
        await requestLoginCode(entered, withSolution) // the flow is for the link, which would sign in
        setSent(entered)
      }}
    >
      {way.children}
    </Form>
  )
}

const wrongPasskey = 'This passkey was not accepted. It may be one of another account, or have been removed.'

const isWrong = (thrown: unknown): thrown is UsherError =>
  thrown instanceof UsherError && thrown.errors.some((error) => extensionsOf(error).code === 'INVALID_CREDENTIALS')

/** Shows the message about a wrong code at its field. */
function wrongCode(thrown: unknown, name: string): unknown {
  if (!(thrown instanceof UsherError)) return thrown
  const message = thrown.errors.find((error) => extensionsOf(error).code === 'INVALID_CREDENTIALS')?.message
  if (message === undefined) return thrown
  const fields = [{ path: ['input', name], code: 'INCORRECT', message }]
  return new UsherError([{ message, extensions: { code: 'BAD_USER_INPUT', fields } }], message, { cause: thrown })
}
