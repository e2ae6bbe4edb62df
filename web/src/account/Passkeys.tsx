import { useEffect, useState } from 'react'
import { extensionsOf, UsherError } from 'usher-client'

import { Confirm, Form, useAction } from '../components/Form'
import { device } from '../device'
import { graphql } from '../gql'
import { hasPasskeys } from '../page'
import { loadPasskeys } from '../passkeys/load'
import { signalAccepted, signalDetails, signalUnknown } from '../passkeys/signals'
import { useLeaving } from '../passkeys/useLeaving'
import { send } from '../send'
import { About } from './About'
import type { Me, PartProps } from './MyAccount'
import { Outcome } from './Outcome'
import { type CodesProps, RecoveryCodes } from './RecoveryCodes'

const confirmDocument = graphql(`
  mutation ConsoleConfirmPasskeySetup($input: ConfirmPasskeySetupInput!) {
    confirmPasskeySetup(input: $input) { recoveryCodes }
  }
`)

const renameDocument = graphql(`
  mutation ConsoleRenamePasskey($input: RenamePasskeyInput!) {
    renamePasskey(input: $input) { factor { id } }
  }
`)

const removeDocument = graphql(`
  mutation ConsoleRemovePasskey($input: RemovePasskeyInput!) {
    removePasskey(input: $input) { user { id } }
  }
`)

type Factor = NonNullable<Me['factors']>[number]

const nameField = { name: 'name', label: 'Name of the passkey', required: 'Enter a name.', hint: 'For example, the device that it is on.', focus: true }

/** The passkeys of the user: setting them up, naming and removing them. */
export function Passkeys({ me, changed, codes, keep }: PartProps & CodesProps) {
  const { busy, problem, run } = useAction()
  const [edited, setEdited] = useState<string>() // the id of a passkey, or 'new'
  const [done, setDone] = useState<string>()
  const passkeys = (me.factors ?? []).filter(({ method }) => method === 'PASSKEY')
  useSignals(me, passkeys)
  const finish = (what: string) => {
    setEdited(undefined)
    setDone(what)
    changed()
  }
  const edit = (id: string | undefined) => {
    setDone(undefined)
    setEdited(id)
  }
  const remove = (passkey: Factor) => void (busy || run(async () => {
    setDone(undefined)
    await send(removeDocument, { input: { id: passkey.id } })
    if (hasPasskeys && passkey.credentialId) signalUnknown(passkey.credentialId)
    keep(undefined)
    finish('Passkey removed. Your device or password manager may still show it.')
  }))
  if (!hasPasskeys && passkeys.length === 0) return null
  return (
    <section className="card" aria-labelledby="passkeys-title">
      <header><h2 id="passkeys-title">Passkeys</h2></header>
      {codes && <RecoveryCodes codes={codes} close={() => { keep(undefined) }} />}
      {passkeys.length > 0 && (
        <ul className="commands">
          {passkeys.map((passkey) => (
            <li key={passkey.id}>
              {edited === passkey.id
                ? <Rename passkey={passkey} cancel={() => { edit(undefined) }} done={() => { finish('Passkey renamed.') }} />
                : (
                    <>
                      <span><b>{passkey.name}</b> <span className="hint"><About factor={passkey} /></span></span>
                      <span className="buttons">
                        <button type="button" aria-label={`Rename ${passkey.name ?? ''}`} onClick={() => { edit(passkey.id) }}>Rename</button>
                        <Confirm label="Remove" question="Remove this passkey?" action={() => { remove(passkey) }} />
                      </span>
                    </>
                  )}
            </li>
          ))}
        </ul>
      )}
      {hasPasskeys && (
        <div className="part">
          {edited === 'new'
            ? (
                <SetUp
                  cancel={() => { edit(undefined) }}
                  done={(recoveryCodes) => {
                    if (recoveryCodes) keep(recoveryCodes)
                    finish('Passkey set up. You can sign in with it, without your password.')
                  }}
                />
              )
            : (
                <>
                  <p>
                    Your device or password manager keeps the passkey. You sign in with your fingerprint, face or PIN instead of a
                    password. It works only on this site, so a fake page cannot use it.
                  </p>
                  <div className="buttons">
                    <button type="button" onClick={() => { edit('new') }}>Set up a passkey</button>
                  </div>
                </>
              )}
        </div>
      )}
      <Outcome problem={problem} done={done} />
    </section>
  )
}

function SetUp({ cancel, done }: { cancel: () => void; done: (recoveryCodes: string[] | null | undefined) => void }) {
  const leaving = useLeaving()
  return (
    <Form
      submit="Create passkey"
      fields={[{ ...nameField, value: device(navigator.userAgent) }]}
      check={({ name = '' }) => (name.length > 100 ? { name: 'Use at most 100 characters.' } : undefined)}
      action={async ({ name = '' }) => {
        const { createPasskey } = await loadPasskeys()
        const passkey = await createPasskey(leaving())
        const { confirmPasskeySetup } = await send(confirmDocument, { input: { passkey, name } }).catch((thrown: unknown) => {
          if (wasRefused(thrown)) signalUnknown(passkey.response.id)
          throw thrown
        })
        done(confirmPasskeySetup.recoveryCodes)
      }}
    >
      <button type="button" onClick={cancel}>Cancel</button>
    </Form>
  )
}

/** Whether the server has not kept a passkey. One that was answered before, or that an account has, may be kept. */
const wasRefused = (thrown: unknown) => thrown instanceof UsherError && thrown.errors.length > 0 &&
  !thrown.errors.some((error) => extensionsOf(error).fields?.some(({ code }) => code === 'EXPIRED' || code === 'TAKEN'))

function Rename({ passkey: { id, name }, cancel, done }: { passkey: Factor; cancel: () => void; done: () => void }) {
  return (
    <Form
      submit="Save"
      fields={[{ ...nameField, value: name ?? '' }]}
      action={async ({ name: typed = '' }) => {
        await send(renameDocument, { input: { id, name: typed } })
        done()
      }}
    >
      <button type="button" onClick={cancel}>Cancel</button>
    </Form>
  )
}

const idsOf = (passkeys: Factor[]) => passkeys.flatMap(({ credentialId }) => credentialId ?? [])

/** Tells the browser which passkeys the user has and how the user is called, at first and after each change. */
function useSignals(me: Me, passkeys: Factor[]) {
  const userHandle = passkeys[0]?.userHandle
  const ids = idsOf(passkeys).join(' ') // of the alphabet of base64url
  const name = me.email ?? me.username ?? me.id // as in a set-up
  const fullName = me.fullName ?? ''
  useEffect(() => {
    if (!hasPasskeys || !userHandle) return
    signalAccepted(userHandle, ids.split(' '))
    signalDetails(userHandle, name, fullName)
  }, [userHandle, ids, name, fullName])
}
