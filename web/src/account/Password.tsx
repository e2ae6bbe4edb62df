import { useState } from 'react'

import { nameOf } from '../Account'
import { Form } from '../components/Form'
import { graphql } from '../gql'
import { send } from '../send'
import { usher } from '../session'
import { newPasswordField } from '../signin/signIn'
import type { Me } from './MyAccount'

const changeDocument = graphql(`
  mutation ConsoleChangePassword($input: ChangePasswordInput!) {
    changePassword(input: $input) { revokedCount }
  }
`)

/** Changes the password. */
export function Password({ me }: { me: Me }) {
  const [done, setDone] = useState<{ number: number; ended: number }>()
  return (
    <section className="card" aria-labelledby="password-title">
      <header><h2 id="password-title">Password</h2></header>
      <div className="part">
        <Form
          key={done?.number}
          submit="Change password"
          secondary
          fields={[
            // The hidden field tells password managers which account this is.
            { name: 'username', label: 'User', autoComplete: 'username', value: nameOf(me), hidden: true },
            { name: 'currentPassword', label: 'Current password', type: 'password', autoComplete: 'current-password', required: 'Enter your password.' },
            newPasswordField('New password', 'newPassword'),
            {
              name: 'end', label: 'Sessions', type: 'choices', value: 'others',
              options: [{ value: 'others', label: 'End my sessions on other devices' }],
            },
          ]}
          action={async ({ currentPassword = '', newPassword = '', end }) => {
            const input = { currentPassword, newPassword, endOtherSessions: end === 'others' }
            const { changePassword } = await send(changeDocument, { input })
            // The tokens of a refresh no longer say that the old password was published.
            if (usher.state().credentials?.passwordCompromised) void usher.refresh().catch(() => undefined)
            setDone((last) => ({ number: (last?.number ?? 0) + 1, ended: changePassword.revokedCount }))
          }}
        />
        <p role="status" className="hint">{done && `Password changed. Other sessions ended: ${String(done.ended)}.`}</p>
      </div>
    </section>
  )
}
