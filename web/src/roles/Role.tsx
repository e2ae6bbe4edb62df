import { useState } from 'react'

import type { TypeAccess } from '../accessTable'
import { Dialog } from '../components/Dialog'
import type { FieldSpec } from '../components/Field'
import { Confirm, Form, Problem, useAction } from '../components/Form'
import { Placeholder } from '../components/Placeholder'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import { href } from '../route'
import { send } from '../send'
import { given } from '../signin/signIn'
import { isBuiltIn, placesOf, placesWith } from './needs'
import type { RoleInFull } from './Roles'

const createDocument = graphql(`
  mutation ConsoleCreateRole($input: CreateRoleInput!) {
    createRole(input: $input) { role { name } }
  }
`)

const updateDocument = graphql(`
  mutation ConsoleUpdateRole($input: UpdateRoleInput!) {
    updateRole(input: $input) { role { name } }
  }
`)

const deleteDocument = graphql(`
  mutation ConsoleDeleteRole($input: DeleteRoleInput!) {
    deleteRole(input: $input) { name }
  }
`)

/** The fields of a role that can be changed. `used` are the permissions that the schema requires. */
const fields = (used: string[], role?: RoleInFull): FieldSpec[] => [
  { name: 'description', label: 'Description (optional)', value: role?.description ?? '', hint: 'What the role is for.' },
  {
    name: 'permissions', label: 'Permissions', type: 'lines', value: role?.permissions.join('\n') ?? '',
    hint: `One per line, such as orders:read.${used.length > 0 ? ` The schema requires ${used.join(', ')}.` : ''}`,
  },
]

const listOf = (text = '') => text.split(/[\s,]+/).filter(Boolean)

/** Creates a role. */
export function CreateRole({ used, done, close }: { used: string[]; done: () => void; close: () => void }) {
  return (
    <Dialog title="New role" close={close}>
      <Form
        submit="Create"
        fields={[
          { name: 'name', label: 'Name', required: 'Enter a name.', hint: 'Upper-case letters, digits and underscores, such as SUPPORT. It cannot be changed later.' },
          ...fields(used),
        ]}
        action={async ({ name = '', description, permissions }) => {
          await send(createDocument, { input: { name, description: given(description), permissions: listOf(permissions) } })
          done()
        }}
      >
        <button type="button" onClick={close}>Cancel</button>
      </Form>
    </Dialog>
  )
}

/** One role by its name, with what requires it. */
export function Role({ name, role, loading, problem, access, used, changed, done, close }: {
  name: string
  /** Undefined if there is no such role, or while it loads. */
  role: RoleInFull | undefined
  loading: boolean
  problem: string | undefined
  access: TypeAccess[] | undefined
  used: string[]
  changed: () => void
  /** Called when the role was deleted. */
  done: () => void
  close: () => void
}) {
  const { busy, problem: refused, run } = useAction()
  const [saved, setSaved] = useState(false)
  if (!role) {
    return (
      <Dialog title={name} close={close}>
        <Placeholder loading={loading} problem={problem} empty="No role has this name." lines={6} />
      </Dialog>
    )
  }
  const required = [
    { what: 'this role', link: href('access', { role: name }), places: placesOf(access, name) },
    ...role.permissions.map((permission) => ({
      what: permission, link: href('access', { filter: permission }), places: placesWith(access, permission),
    })),
  ].filter(({ places }) => places.length > 0)
  return (
    <Dialog title={name} close={close}>
      <dl className="pairs">
        {isBuiltIn(name) && <div><dt>Kind</dt><dd>built in</dd></div>}
        <div><dt>Created</dt><dd><Time at={role.createdAt} /></dd></div>
        <div><dt>Last change</dt><dd><Time at={role.updatedAt} /></dd></div>
        <div><dt>Users</dt><dd><a href={href('users', { role: name })}>Users with this role</a></dd></div>
        {required.map(({ what, link, places }) => (
          <div key={what}>
            <dt>Required by</dt>
            <dd>
              <details>
                <summary>{places.length} {places.length === 1 ? 'rule requires' : 'rules require'} {what}</summary>
                <ul className="places">{places.map((place) => <li key={place}><code>{place}</code></li>)}</ul>
                <a href={link}>Show the rules</a>
              </details>
            </dd>
          </div>
        ))}
      </dl>
      <section aria-label="Grants">
        <Form
          key={JSON.stringify(role)}
          submit="Save"
          fields={fields(used, role)}
          action={async ({ description, permissions }) => {
            setSaved(false)
            await send(updateDocument, { input: { name, description: description ?? '', permissions: listOf(permissions) } })
            setSaved(true)
            changed()
          }}
        />
        <p role="status" className="hint">{saved && 'Saved. Users have the new permissions from their next request on.'}</p>
      </section>
      <section aria-label="Deletion">
        {isBuiltIn(name)
          ? <p className="hint">A built-in role cannot be deleted.</p>
          : (
              <div className="buttons">
                {busy || (
                  <Confirm
                    label="Delete"
                    question="Delete the role and take it from all users?"
                    action={() => void run(async () => {
                      await send(deleteDocument, { input: { name } })
                      done()
                    })}
                  />
                )}
              </div>
            )}
        <Problem text={refused?.message} />
      </section>
    </Dialog>
  )
}
