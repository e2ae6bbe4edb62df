import { nameOf } from '../Account'
import { href } from '../route'
import { useSession } from '../session'

/** Says that a password was set, and whether that has signed the user in. */
export function PasswordSet() {
  const { viewer } = useSession()
  return (
    <>
      <p role="status">The password is set. {viewer && <>You are signed in as <b>{nameOf(viewer.user)}</b>.</>}</p>
      <p><a href={href(viewer ? 'account' : '')}>{viewer ? 'Go to your account' : 'Sign in with it'}</a></p>
    </>
  )
}
