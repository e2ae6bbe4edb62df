import { Dialog } from '../components/Dialog'
import { Form } from '../components/Form'
import { graphql } from '../gql'
import { passwordLengthHint, passwordMinLength } from '../page'
import { send } from '../send'
import { given } from '../signin/signIn'
import { type RoleOption, rolesField } from './roles'

const createDocument = graphql(`
  mutation ConsoleCreateUser($input: CreateUserInput!) {
    createUser(input: $input) { user { id } }
  }
`)

/** Creates an account for somebody else. */
export function CreateUser({ roles, created, close }: {
  roles: RoleOption[]
  created: (id: string) => void
  close: () => void
}) {
  return (
    <Dialog title="New user" close={close}>
      <Form
        submit="Create"
        check={({ username, email, password }) => ({
          ...(!username && !email && { username: 'Enter a user name or an e-mail address.' }),
          ...(!password && !email && { password: 'Enter or generate a password, or enter an e-mail address.' }),
        })}
        fields={[
          { name: 'username', label: 'User name' },
          { name: 'email', label: 'E-mail', type: 'email', hint: 'Enter a user name, an e-mail address, or both.' },
          { name: 'fullName', label: 'Full name (optional)' },
          {
            name: 'password', label: 'Password', type: 'password', autoComplete: 'new-password', generate: true,
            minLength: passwordMinLength,
            hint: `${passwordLengthHint}Copy it for the user now. Usher does not show it again. Without a password, the user gets a mail to choose one.`,
          },
          rolesField(roles, ''),
        ]}
        action={async ({ username, email, fullName, password, roles = '' }) => {
          const input = { username: given(username), email: given(email), fullName: given(fullName), password: given(password) }
          const { createUser } = await send(createDocument, {
            input: { ...input, roles: ['USER', ...roles.split(' ').filter(Boolean)] },
          })
          created(createUser.user.id)
        }}
      >
        <button type="button" onClick={close}>Cancel</button>
      </Form>
    </Dialog>
  )
}
