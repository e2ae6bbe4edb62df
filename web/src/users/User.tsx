import { useState } from 'react'

import { nameOf } from '../Account'
import { CopyId } from '../components/CopyId'
import { Dialog } from '../components/Dialog'
import { Confirm, Problem, useAction } from '../components/Form'
import { Placeholder } from '../components/Placeholder'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import type { UserDetailsFragment, UserRowFragment } from '../gql/graphql'
import { useQuery } from '../query'
import { href } from '../route'
import { send } from '../send'
import { Profile } from './Profile'
import type { RoleOption } from './roles'
import { Factors, Identities } from './Factors'
import { UserSessions } from './UserSessions'

const userDocument = graphql(`
  query ConsoleUser($id: ID!) {
    user(id: $id) { ...UserRow ...UserDetails }
  }
`)

graphql(`
  fragment UserDetails on User { updatedAt metadata appMetadata emailVerifiedAt pendingEmail locale deletionAt factors { id method name createdAt lastUsedAt remaining } identities { id provider { id name } issuer email createdAt lastUsedAt } }
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

const deleteDocument = graphql(`
  mutation ConsoleDeleteUser($input: DeleteUserInput!) {
    deleteUser(input: $input) { userId }
  }
`)

const resetDocument = graphql(`
  mutation ConsoleSendPasswordReset($input: SendPasswordResetInput!) {
    sendPasswordReset(input: $input) { user { id } }
  }
`)

const resetFactorsDocument = graphql(`
  mutation ConsoleResetFactors($input: ResetFactorsInput!) {
    resetFactors(input: $input) { user { id } }
  }
`)

/** What a list and a page of a user show. */
export type UserInFull = UserRowFragment & UserDetailsFragment

/** One account by its id, with what an administrator can do with it. */
export function User({ id, roles, notice, changed, close }: {
  id: string
  roles: RoleOption[]
  /** What has just been done with the account. */
  notice: string | undefined
  changed: () => void
  close: () => void
}) {
  const { data, problem, loading, reload } = useQuery(userDocument, { id })
  const user = data?.user
  return (
    <Dialog wide title={user ? nameOf(user) : 'User'} close={close}>
      {user
        ? <Details user={user} roles={roles} notice={notice} changed={() => { reload(); changed() }} close={close} />
        : <Placeholder loading={loading} problem={problem?.message} empty="No user has this ID." lines={12} />}
    </Dialog>
  )
}

function Details({ user, roles, notice, changed, close }: {
  user: UserInFull
  roles: RoleOption[]
  notice: string | undefined
  changed: () => void
  close: () => void
}) {
  const { busy, problem, run } = useAction()
  const [done, setDone] = useState<string>()
  const input = { userId: user.id }
  const toggle = () => void run(async () => {
    setDone(undefined)
    if (user.disabledAt) {
      await send(enableDocument, { input })
      setDone('Account enabled.')
    } else {
      await send(disableDocument, { input })
      setDone('Account disabled and its sessions ended.')
    }
    changed()
  })
  const reset = () => void run(async () => {
    setDone(undefined)
    await send(resetDocument, { input })
    setDone('A mail to choose a new password is on its way to the user.')
  })
  const resetFactors = () => void run(async () => {
    setDone(undefined)
    await send(resetFactorsDocument, { input })
    setDone('Second factors removed and sessions ended.')
    changed()
  })
  const remove = () => void run(async () => {
    await send(deleteDocument, { input })
    close()
    changed()
  })
  return (
    <>
      {notice && <p role="status">{notice}</p>}
      <dl className="pairs columns">
        <div><dt>E-mail</dt><dd>{user.email ?? '–'}</dd></div>
        {user.email && (
          <div><dt>Verified</dt><dd>{user.emailVerifiedAt ? <Time at={user.emailVerifiedAt} /> : <span className="tag warn">not verified</span>}</dd></div>
        )}
        {user.pendingEmail && <div><dt>New e-mail</dt><dd>{user.pendingEmail}, not confirmed yet</dd></div>}
        <div><dt>Created</dt><dd><Time at={user.createdAt} /></dd></div>
        <div><dt>Status</dt><dd>{user.disabledAt ? <span className="tag warn">disabled</span> : 'enabled'}</dd></div>
        <div><dt>Last sign-in</dt><dd>{user.lastSignInAt ? <Time at={user.lastSignInAt} /> : 'never'}</dd></div>
        {user.disabledAt && <div><dt>Disabled</dt><dd><Time at={user.disabledAt} /></dd></div>}
        {user.deletionAt && <div><dt>Deletion</dt><dd><Time at={user.deletionAt} /> <span className="tag warn">as the user asked</span></dd></div>}
        <div><dt>Two-step sign-in</dt><dd><Factors list={user.factors} /></dd></div>
        <div><dt>Linked accounts</dt><dd><Identities list={user.identities} /></dd></div>
        <div><dt>Last change</dt><dd><Time at={user.updatedAt} /></dd></div>
        <div><dt>ID</dt><dd><CopyId label="user ID" id={user.id} /></dd></div>
        <div><dt>Events</dt><dd><a href={href('audit', { user: user.id })} aria-label={`Audit log of ${nameOf(user)}`}>Audit log</a></dd></div>
        <div><dt>Mail</dt><dd><a href={href('mails', { user: user.id })} aria-label={`Mails about ${nameOf(user)}`}>Mails</a></dd></div>
      </dl>
      <section aria-label="Profile">
        <h3>Profile</h3>
        <Profile user={user} roles={roles} changed={changed} />
      </section>
      {/* Disabling an account and removing factors ends its sessions. */}
      <UserSessions key={`${user.disabledAt ?? ''} ${String(user.factors?.length)}`} user={user} />
      <section aria-label="Account">
        <h3>Account</h3>
        <p className="hint">
          {user.disabledAt
            ? 'The user cannot sign in. Enable the account to allow it again.'
            : 'Disabling the account ends all sessions at once. The user cannot sign in until you enable it again.'}
        </p>
        <div className="buttons">
          {user.email && !user.disabledAt && <button type="button" disabled={busy} onClick={reset}>Send password reset</button>}
          {user.factors && user.factors.length > 0 && (
            <Confirm label="Remove second factors" question="Has the user lost them?" action={resetFactors} />
          )}
          <button type="button" disabled={busy} onClick={toggle}>{user.disabledAt ? 'Enable' : 'Disable'}</button>
          <Confirm label="Delete" question="Delete permanently?" action={remove} />
        </div>
        <Problem text={problem?.message} />
        <p role="status" className="hint">{done}</p>
      </section>
    </>
  )
}
