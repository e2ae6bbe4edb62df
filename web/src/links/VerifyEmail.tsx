import { useState } from 'react'

import { nameOf } from '../Account'
import { Form } from '../components/Form'
import { graphql } from '../gql'
import type { ConsoleVerifyEmailMutation } from '../gql/graphql'
import { href } from '../route'
import { send, sendAnonymously } from '../send'
import { usher, useSession } from '../session'
import { Forgot } from '../signin/Forgot'
import { SignInForm } from '../signin/SignInForm'
import { Link, useLink } from './Link'
import { tokenOf } from './secret'

const verifyDocument = graphql(`
  mutation ConsoleVerifyEmail($input: VerifyEmailInput!) {
    verifyEmail(input: $input) { email passwordRemoved }
  }
`)

/** Confirms the address of an account. Without a sign-in, the account loses its password. */
export function VerifyEmail() {
  const token = tokenOf('verify-email')
  const { viewer } = useSession()
  const { dead, redeem } = useLink()
  const [done, setDone] = useState<ConsoleVerifyEmailMutation['verifyEmail']>()
  const verify = () => redeem(async () => {
    const input = { input: { token } }
    const isSignedIn = usher.state().credentials !== null
    const { verifyEmail } = await (isSignedIn ? send(verifyDocument, input) : sendAnonymously(verifyDocument, input))
    setDone(verifyEmail)
    if (isSignedIn) await usher.refresh() // the access token says whether the address is verified
  })
  return (
    <Link
      title="Confirm your e-mail address"
      token={token}
      dead={dead}
      again={<p>To get another mail, <a href={href('account')}>go to your account</a>.</p>}
    >
      {done
        ? <Done email={done.email} passwordRemoved={done.passwordRemoved} />
        : viewer
          ? (
              <>
                <p>You are signed in as <b>{nameOf(viewer.user)}</b>. Confirm that the address of this account is yours.</p>
                <Form submit="Confirm" fields={[]} action={verify} />
                <p className="hint">If the link is for another account, that account loses its password. Then sign out first, and sign in there.</p>
              </>
            )
          : (
              <>
                <p>Sign in to confirm that the address of your account is yours.</p>
                <SignInForm submit="Sign in and confirm" done={verify} />
                <h2>You did not create the account, or do not know its password?</h2>
                <p>
                  You can confirm the address without signing in. <b>This removes the password of the account</b> and ends
                  its sessions, because somebody else may have created it with your address. Then you choose a new
                  password.
                </p>
                <Form submit="Confirm without signing in" secondary fields={[]} action={verify} />
              </>
            )}
    </Link>
  )
}

function Done({ email, passwordRemoved }: { email: string; passwordRemoved: boolean }) {
  return (
    <>
      <p role="status"><b>{email}</b> is confirmed.</p>
      {passwordRemoved
        ? (
            <>
              <p>The account has no password now. Get a mail to choose one.</p>
              <Forgot identifier={email} />
            </>
          )
        : <p><a href={href('account')}>Go to your account</a></p>}
    </>
  )
}
