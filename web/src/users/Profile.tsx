import { useState } from 'react'

import { localeField } from '../account/locales'
import { Form } from '../components/Form'
import { graphql } from '../gql'
import { send } from '../send'
import { patchTo, textOf } from './patch'
import { type RoleOption, rolesField } from './roles'
import type { UserInFull } from './User'

const updateDocument = graphql(`
  mutation ConsoleUpdateUser($input: UpdateUserInput!) {
    updateUser(input: $input) { user { id } }
  }
`)

/** Edits what an administrator can change of an account. Only what was edited is sent. */
export function Profile({ user, roles, changed }: { user: UserInFull; roles: RoleOption[]; changed: () => void }) {
  const [done, setDone] = useState<string>()
  const granted = (user.roles ?? []).filter((name) => name !== 'USER').join(' ')
  const metadata = { metadata: user.metadata, appMetadata: user.appMetadata }
  return (
    <>
      <Form
        key={JSON.stringify([user.fullName, user.roles, user.locale, metadata])}
        submit="Save"
        fields={[
          { name: 'fullName', label: 'Full name', value: user.fullName ?? '' },
          localeField(user.locale ?? '', 'Unknown'),
          rolesField(roles, granted),
          {
            name: 'appMetadata', label: 'Application metadata', type: 'lines', value: textOf(user.appMetadata),
            hint: 'A JSON object that only administrators and your application read and write.',
          },
          {
            name: 'metadata', label: 'User metadata', type: 'lines', value: textOf(user.metadata),
            hint: 'A JSON object that the user can write too.',
          },
        ]}
        check={(values) => {
          setDone(undefined)
          const wrong = Object.entries(metadata).flatMap(([name, former]) => {
            try {
              patchTo(values[name] ?? '', former)
              return []
            } catch (thrown) {
              return [[name, (thrown as Error).message]]
            }
          })
          return Object.fromEntries(wrong) as Record<string, string>
        }}
        action={async (values) => {
          const { fullName = '', roles = '', locale = '' } = values
          const own = patchTo(values.metadata ?? '', user.metadata)
          const application = patchTo(values.appMetadata ?? '', user.appMetadata)
          // A field with a rule of its own must be left out if it is not meant: null counts as a value.
          const input = {
            ...(fullName !== (user.fullName ?? '') && { fullName }),
            ...(locale !== (user.locale ?? '') && { locale }),
            ...(!sameRoles(roles, granted) && { roles: roles.split(' ').filter(Boolean) }),
            ...(own && { metadata: own }),
            ...(application && { appMetadata: application }),
          }
          await send(updateDocument, { input: { userId: user.id, ...input } })
          setDone('Saved.')
          changed()
        }}
      />
      <p role="status" className="hint">{done}</p>
    </>
  )
}

const sameRoles = (a: string, b: string) => a.split(' ').sort().join() === b.split(' ').sort().join()
