import { useState } from 'react'

import { nameOf } from './Account'
import { CopyId } from './components/CopyId'
import { Dialog } from './components/Dialog'
import { Confirm, Problem, useAction } from './components/Form'
import { Placeholder } from './components/Placeholder'
import { Time } from './components/Time'
import { graphql } from './gql'
import type { UserRowFragment } from './gql/graphql'
import { useQuery } from './query'
import { href } from './route'
import { send } from './send'

const userDocument = graphql(`
  query ConsoleUser($id: ID!) {
    user(id: $id) { ...UserRow }
  }
`)

const updateDocument = graphql(`
  mutation ConsoleUpdateUser($input: UpdateUserInput!) {
    updateUser(input: $input) { user { id } }
  }
`)

const disableDocument = graphql(`
  mutation ConsoleDisableUser($input: DisableUserInput!) {
    disableUser(input: $input) { user { id } }
  }
`)

const enableDocument = graphql(`
  mutation ConsoleEnableUser($input: EnableUserInput!) {
    enableUser(input: $input) { user { id } }
  }
`)

const revokeDocument = graphql(`
  mutation ConsoleRevokeUserSessions($input: RevokeUserSessionsInput!) {
    revokeUserSessions(input: $input) { revokedCount }
  }
`)

const deleteDocument = graphql(`
  mutation ConsoleDeleteUser($input: DeleteUserInput!) {
    deleteUser(input: $input) { userId }
  }
`)

/** One account by its id, with the actions of an administrator. */
export function User({ id, roles, changed, close }: {
  id: string
  /** The names of all roles. */
  roles: string[]
  changed: () => void
  close: () => void
}) {
  const { data, problem, loading, reload } = useQuery(userDocument, { id })
  const user = data?.user
  return (
    <Dialog title={user ? nameOf(user) : 'User'} close={close}>
      {user
        ? <Details user={user} roles={roles} changed={() => { reload(); changed() }} close={close} />
        : <Placeholder loading={loading} problem={problem?.message} empty="No user has this ID." lines={6} />}
    </Dialog>
  )
}

function Details({ user, roles, changed, close }: {
  user: UserRowFragment
  roles: string[]
  changed: () => void
  close: () => void
}) {
  const { busy, problem, run } = useAction()
  const [done, setDone] = useState<string>()
  const [granted, setGranted] = useState<string[]>(user.roles ?? [])
  const input = { userId: user.id }
  const act = (action: () => Promise<string>) => void run(async () => {
    setDone(undefined)
    setDone(await action())
    changed()
  })
  const saveRoles = async () => {
    await send(updateDocument, { input: { ...input, roles: granted } })
    return 'Roles saved.'
  }
  const toggle = async () => {
    if (user.disabledAt) {
      await send(enableDocument, { input })
      return 'Account enabled.'
    }
    await send(disableDocument, { input })
    return 'Account disabled and its sessions revoked.'
  }
  const revoke = async () => {
    const { revokeUserSessions } = await send(revokeDocument, { input })
    return `Sessions revoked: ${String(revokeUserSessions.revokedCount)}.`
  }
  return (
    <>
      <dl className="pairs">
        <div><dt>E-mail</dt><dd>{user.email ?? '–'}</dd></div>
        <div><dt>Full name</dt><dd>{user.fullName ?? '–'}</dd></div>
        <div><dt>Created</dt><dd><Time at={user.createdAt} /></dd></div>
        <div><dt>Disabled</dt><dd><Time at={user.disabledAt} /></dd></div>
        <div><dt>ID</dt><dd><CopyId label="user ID" id={user.id} /></dd></div>
      </dl>
      <p><a href={href('audit', { user: user.id })}>Audit log of {nameOf(user)}</a></p>
      <div className="buttons">
        {roles.filter((name) => name !== 'USER').map((name) => (
          <label key={name} className="check">
            <input
              type="checkbox"
              checked={granted.includes(name)}
              onChange={(event) => {
                setGranted(event.target.checked ? [...granted, name] : granted.filter((g) => g !== name))
              }}
            />
            {name === 'ADMIN' ? 'Administrator' : name}
          </label>
        ))}
        <button type="button" disabled={busy} onClick={() => { act(saveRoles) }}>Save roles</button>
      </div>
      <div className="buttons">
        <button type="button" disabled={busy} onClick={() => { act(toggle) }}>{user.disabledAt ? 'Enable' : 'Disable'}</button>
        <button type="button" disabled={busy} onClick={() => { act(revoke) }}>Revoke sessions</button>
        <Confirm
          label="Delete"
          question="Delete permanently?"
          action={() => void run(async () => {
            await send(deleteDocument, { input })
            close()
            changed()
          })}
        />
      </div>
      <Problem text={problem?.message} />
      <p role="status" className="hint">{done}</p>
    </>
  )
}
