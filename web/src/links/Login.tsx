import { Link } from './Link'
import { tokenOf } from './secret'

/** Says where a link that signs in can be used: only the page that has asked for the mail knows the flow that belongs to it. */
export function Login() {
  return (
    <Link title="Sign in with a code" token={tokenOf('login')} dead={undefined} again={null}>
      <p>
        This link signs you in only in the app where you asked for it. Go back there, and enter the code of the mail. It has
        six digits.
      </p>
    </Link>
  )
}
