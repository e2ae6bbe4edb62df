import { useState } from 'react'

import { Form } from '../components/Form'
import { MailNote } from '../components/MailNote'
import { graphql } from '../gql'
import { href } from '../route'
import { sendAnonymously } from '../send'
import { usher } from '../session'
import { Link, useLink } from './Link'
import { tokenOf } from './secret'

const confirmDocument = graphql(`
  mutation ConsoleConfirmEmailChange($input: ConfirmEmailChangeInput!) {
    confirmEmailChange(input: $input) { email }
  }
`)

const cancelDocument = graphql(`
  mutation ConsoleCancelEmailChange($input: CancelEmailChangeInput!) {
    cancelEmailChange(input: $input) { email }
  }
`)

/** Shows what has changed, if the user of the account is signed in here. */
async function refresh() {
  if (usher.state().credentials) await usher.refresh()
}

/** Confirms the new address of an account. */
export function ConfirmEmail() {
  const token = tokenOf('confirm-email')
  const { dead, redeem } = useLink()
  const [email, setEmail] = useState<string>()
  return (
    <Link
      title="Confirm your new e-mail address"
      token={token}
      dead={dead}
      again={<p>To change the address, <a href={href('account')}>go to your account</a>.</p>}
    >
      {email
        ? (
            <>
              <p role="status"><b>{email}</b> is the address of your account now. Sign in with it from now on.</p>
              <p><a href={href('account')}>Go to your account</a></p>
            </>
          )
        : (
            <>
              <p>Confirm that the address to which the mail was sent is yours. It then replaces the old address of your account.</p>
              <Form
                submit="Confirm"
                fields={[]}
                action={() => redeem(async () => {
                  const { confirmEmailChange } = await sendAnonymously(confirmDocument, { input: { token } })
                  setEmail(confirmEmailChange.email)
                  await refresh()
                })}
              />
            </>
          )}
    </Link>
  )
}

/** Undoes a change of the address, from the mail to the old one. */
export function UndoEmailChange() {
  const token = tokenOf('undo-email-change')
  const { dead, redeem } = useLink()
  const [done, setDone] = useState<{ email?: string | null }>()
  return (
    <Link
      title="Undo the change of your e-mail address"
      token={token}
      dead={dead}
      again={<p>If you cannot sign in any more, contact the operator of this service.</p>}
    >
      {done
        ? (
            <>
              <p role="status">The change is undone. {done.email && <>The address of your account is <b>{done.email}</b>.</>}</p>
              <p>A mail is on its way to this address. Choose a new password with its link.</p>
              <MailNote />
            </>
          )
        : (
            <>
              <p>Do this if you did not change the address of your account yourself. Then somebody else has been signed in as you.</p>
              <ul className="lead">
                <li>Your account gets its old address back.</li>
                <li>All sessions end, on all devices.</li>
                <li>The password is removed. You choose a new one with a mail to the old address.</li>
              </ul>
              <Form
                submit="Undo the change"
                fields={[]}
                action={() => redeem(async () => {
                  const { cancelEmailChange } = await sendAnonymously(cancelDocument, { input: { token } })
                  setDone(cancelEmailChange)
                  await refresh()
                })}
              />
            </>
          )}
    </Link>
  )
}
