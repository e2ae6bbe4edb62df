import { useState } from 'react'

import { nameOf } from './Account'
import { Dialog } from './Dialog'
import { Confirm, Problem, useAction } from './form'
import { graphql } from './gql'
import type { Role, UserRowFragment } from './gql/graphql'
import { send } from './send'
import { Time } from './time'

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

/** One account, with the actions of an administrator. */
export function User({ user, changed, close }: { user: UserRowFragment; changed: () => void; close: () => void }) {
  const { busy, problem, run } = useAction()
  const [done, setDone] = useState<string>()
  const [admin, setAdmin] = useState(user.roles?.includes('ADMIN') ?? false)
  const input = { userId: user.id }
  const act = (action: () => Promise<string>) => void run(async () => {
    setDone(undefined)
    setDone(await action())
    changed()
  })
  const saveRoles = async () => {
    const roles: Role[] = admin ? ['USER', 'ADMIN'] : ['USER']
    await send(updateDocument, { input: { ...input, roles } })
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
    <Dialog title={nameOf(user)} close={close}>
      <dl>
        <div><dt>User ID</dt><dd>{user.id}</dd></div>
        <div><dt>E-mail</dt><dd>{user.email ?? '–'}</dd></div>
        <div><dt>Full name</dt><dd>{user.fullName ?? '–'}</dd></div>
        <div><dt>Created</dt><dd><Time at={user.createdAt} /></dd></div>
        <div><dt>Disabled</dt><dd><Time at={user.disabledAt} /></dd></div>
      </dl>
      <p><a href={`#/audit?user=${user.id}`}>Audit log of {nameOf(user)}</a></p>
      <div className="buttons">
        <label className="check">
          <input type="checkbox" checked={admin} onChange={(event) => { setAdmin(event.target.checked) }} />
          Administrator
        </label>
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
            changed()
            close()
          })}
        />
      </div>
      <Problem text={problem?.message} />
      <p role="status" className="hint">{done}</p>
    </Dialog>
  )
}
