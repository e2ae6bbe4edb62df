import { useState } from 'react'

import { Form } from '../components/Form'
import { Forgot } from '../signin/Forgot'
import { PasswordSet } from '../signin/PasswordSet'
import { resetPassword } from '../signin/resetPassword'
import { newPasswordField } from '../signin/signIn'
import { Link, useLink } from './Link'
import { tokenOf } from './secret'

/** Sets a new password. */
export function ResetPassword() {
  const token = tokenOf('reset-password')
  const { dead, redeem } = useLink()
  const [done, setDone] = useState(false)
  return (
    <Link title="Choose a new password" token={token} dead={dead} again={<Forgot />}>
      {done
        ? <PasswordSet />
        : (
            <>
              <p>This ends all sessions of the account, on all devices.</p>
              <Form
                submit="Set password and sign in"
                fields={[newPasswordField('New password')]}
                action={({ password = '' }) => redeem(async () => {
                  await resetPassword({ token, password })
                  setDone(true)
                })}
              />
            </>
          )}
    </Link>
  )
}
