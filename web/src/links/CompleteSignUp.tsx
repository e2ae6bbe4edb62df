import { type ReactNode, useState } from 'react'

import { nameOf } from '../Account'
import { Form } from '../components/Form'
import { href } from '../route'
import { useSession } from '../session'
import { completeSignUp, newAccountFields } from '../signin/completeSignUp'
import { Link, useLink } from './Link'
import { type LinkPage, tokenOf } from './secret'

/** Creates an account with the address that got the link. */
export function CompleteSignUp() {
  return (
    <NewAccount
      page="complete-signup"
      title="Create your account"
      about="Your e-mail address is confirmed with this. You can sign in with it."
      again={<p>To get another mail, <a href={href('')}>sign up again</a>.</p>}
    />
  )
}

/** Creates an account by the invitation of an administrator. */
export function AcceptInvitation() {
  return (
    <NewAccount
      page="accept-invitation"
      title="Accept the invitation"
      about="Create your account. You can sign in with the e-mail address that was invited."
      again={<p>Ask an administrator for a new invitation.</p>}
    />
  )
}

function NewAccount({ page, title, about, again }: { page: LinkPage; title: string; about: string; again: ReactNode }) {
  const token = tokenOf(page)
  const { viewer } = useSession()
  const { dead, redeem } = useLink()
  const [done, setDone] = useState(false)
  return (
    <Link title={title} token={token} dead={dead} again={again}>
      {done && viewer
        ? (
            <>
              <p role="status">The account is created. You are signed in as <b>{nameOf(viewer.user)}</b>.</p>
              <p><a href={href('account')}>Go to your account</a></p>
            </>
          )
        : (
            <>
              <p>{about}</p>
              {viewer && <p className="hint">You are signed in as {nameOf(viewer.user)}. This page then signs you in to the new account instead.</p>}
              <Form
                submit="Create account"
                fields={newAccountFields}
                action={(values) => redeem(async () => {
                  await completeSignUp({ token }, values)
                  setDone(true)
                })}
              />
            </>
          )}
    </Link>
  )
}
