import { useState } from 'react'

import { Form, Problem, useAction } from '../components/Form'
import { MailNote } from '../components/MailNote'
import { graphql } from '../gql'
import { send } from '../send'
import { usher } from '../session'
import { codeField, trimmed } from '../signin/signIn'
import type { PartProps } from './MyAccount'

const requestVerificationDocument = graphql(`
  mutation ConsoleRequestEmailVerification {
    requestEmailVerification { user { id } }
  }
`)

const verifyDocument = graphql(`
  mutation ConsoleVerifyOwnEmail($input: VerifyEmailInput!) {
    verifyEmail(input: $input) { email }
  }
`)

const requestChangeDocument = graphql(`
  mutation ConsoleRequestEmailChange($input: RequestEmailChangeInput!) {
    requestEmailChange(input: $input) { user { id } }
  }
`)

const confirmChangeDocument = graphql(`
  mutation ConsoleConfirmOwnEmailChange($input: ConfirmEmailChangeInput!) {
    confirmEmailChange(input: $input) { email }
  }
`)

const cancelChangeDocument = graphql(`
  mutation ConsoleCancelOwnEmailChange {
    cancelEmailChange { email }
  }
`)

/** The address of the account: whether it is verified, and another one. */
export function Email({ me, changed }: PartProps) {
  return (
    <section className="card" aria-labelledby="email-title">
      <header>
        <h2 id="email-title">E-mail address</h2>
        <p>
          {me.email ?? 'none'}
          {me.email && (me.emailVerifiedAt ? <span className="tag">verified</span> : <> <span className="tag warn">not verified</span></>)}
        </p>
      </header>
      {me.email && !me.emailVerifiedAt && <Verify email={me.email} changed={changed} />}
      {me.pendingEmail ? <Pending email={me.pendingEmail} changed={changed} /> : <Change isFirst={!me.email} changed={changed} />}
    </section>
  )
}

function Verify({ email, changed }: { email: string; changed: () => void }) {
  const { busy, problem, run } = useAction()
  const [sent, setSent] = useState(false)
  const request = () => void run(async () => {
    await send(requestVerificationDocument)
    setSent(true)
  })
  return (
    <div className="part banner">
      <p>Verify that this address is yours. You need it if you forget your password.</p>
      {sent && <p role="status">A mail is on its way. Open its link, or enter its code here within 10 minutes.</p>}
      {sent && <MailNote />}
      {sent && (
        <Form
          submit="Verify"
          fields={[codeField]}
          action={async ({ code }) => {
            await send(verifyDocument, { input: { email, code: trimmed(code) } })
            await usher.refresh() // the access token says whether the address is verified
            changed()
          }}
        >
          <button type="button" disabled={busy} onClick={request}>Send another mail</button>
        </Form>
      )}
      {!sent && (
        <div className="buttons">
          <button type="button" className="primary" disabled={busy} onClick={request}>Send a mail to verify it</button>
        </div>
      )}
      <Problem text={problem?.message} />
    </div>
  )
}

function Pending({ email, changed }: { email: string; changed: () => void }) {
  const { busy, problem, run } = useAction()
  return (
    <div className="part">
      <p role="status">
        <b>{email}</b> replaces the address once you confirm it. A mail to it is on its way. Open its link, or enter its
        code here within 10 minutes.
      </p>
      <MailNote />
      <Form
        submit="Confirm the change"
        fields={[codeField]}
        action={async ({ code }) => {
          await send(confirmChangeDocument, { input: { code: trimmed(code) } })
          await usher.refresh()
          changed()
        }}
      >
        <button
          type="button"
          disabled={busy}
          onClick={() => void run(async () => {
            await send(cancelChangeDocument)
            changed()
          })}
        >
          Cancel the change
        </button>
      </Form>
      <Problem text={problem?.message} />
    </div>
  )
}

function Change({ isFirst, changed }: { isFirst: boolean; changed: () => void }) {
  return (
    <div className="part">
      <Form
        submit={isFirst ? 'Add' : 'Change'}
        secondary
        fields={[{
          name: 'email', label: isFirst ? 'Add an e-mail address' : 'New e-mail address', type: 'email', autoComplete: 'email',
          required: 'Enter an e-mail address.',
          hint: `You confirm it with a mail to it.${isFirst ? '' : ' The old address gets a mail with which you can undo the change.'}`,
        }]}
        action={async ({ email = '' }) => {
          await send(requestChangeDocument, { input: { email } })
          changed()
        }}
      />
    </div>
  )
}
