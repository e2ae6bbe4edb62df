import { useState } from 'react'

import { localeField } from '../account/locales'
import { Dialog } from '../components/Dialog'
import { Form } from '../components/Form'
import { MailNote } from '../components/MailNote'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import type { ConsoleInviteUserMutation } from '../gql/graphql'
import { send } from '../send'
import { given } from '../signin/signIn'
import { type RoleOption, rolesField } from './roles'

const inviteDocument = graphql(`
  mutation ConsoleInviteUser($input: InviteUserInput!) {
    inviteUser(input: $input) { email expiresAt }
  }
`)

/** Invites somebody. The account is created when the invitation is accepted. */
export function InviteUser({ roles, close }: { roles: RoleOption[]; close: () => void }) {
  const [done, setDone] = useState<ConsoleInviteUserMutation['inviteUser']>()
  return (
    <Dialog title="Invite a user" close={close}>
      {done
        ? (
            <>
              <p role="status">An invitation to <b>{done.email}</b> is on its way. It is valid until <Time at={done.expiresAt} />.</p>
              <MailNote />
              <div className="buttons">
                <button type="button" onClick={close}>Close</button>
                <button type="button" onClick={() => { setDone(undefined) }}>Invite another user</button>
              </div>
            </>
          )
        : (
            <>
              <p>The user gets a mail with a link, and chooses a user name and a password.</p>
              <Form
                submit="Invite"
                fields={[
                  { name: 'email', label: 'E-mail', type: 'email', required: 'Enter an e-mail address.' },
                  rolesField(roles, ''),
                  localeField('', 'Language of the server'),
                ]}
                action={async ({ email = '', roles = '', locale }) => {
                  const input = { email, roles: ['USER', ...roles.split(' ').filter(Boolean)], locale: given(locale) }
                  setDone((await send(inviteDocument, { input })).inviteUser)
                }}
              >
                <button type="button" onClick={close}>Cancel</button>
              </Form>
            </>
          )}
    </Dialog>
  )
}
