import { useState } from 'react'

import { Confirm, useAction } from '../components/Form'
import { graphql } from '../gql'
import type { ConsoleBeginTotpSetupMutation } from '../gql/graphql'
import { wordsOfMethod } from '../methods'
import { send } from '../send'
import { About } from './About'
import type { PartProps } from './MyAccount'
import { Outcome } from './Outcome'
import { type CodesProps, RecoveryCodes } from './RecoveryCodes'
import { SetUpApp } from './SetUpApp'

const beginDocument = graphql(`
  mutation ConsoleBeginTotpSetup {
    beginTotpSetup { otpauthUri qrCodeSvg key }
  }
`)

const removeDocument = graphql(`
  mutation ConsoleRemoveTotp {
    removeTotp { user { id } }
  }
`)

const regenerateDocument = graphql(`
  mutation ConsoleRegenerateRecoveryCodes {
    regenerateRecoveryCodes { recoveryCodes }
  }
`)

/** The authenticator app and the recovery codes of the user: setting them up, and removing them. */
export function TwoStep({ me, changed, codes, keep }: PartProps & CodesProps) {
  const { busy, problem, run } = useAction()
  const [setup, setSetup] = useState<ConsoleBeginTotpSetupMutation['beginTotpSetup']>()
  const [done, setDone] = useState<string>()
  const factors = me.factors ?? []
  const hasApp = factors.some(({ method }) => method === 'TOTP')
  const listed = factors.filter(({ method }) => method !== 'PASSKEY') // those have a part of their own
  const isOn = factors.some(({ method }) => method !== 'RECOVERY_CODE')
  const act = (action: () => Promise<void>) => void run(async () => {
    setDone(undefined)
    await action()
  })
  const removeApp = () => {
    act(async () => {
      await send(removeDocument)
      keep(undefined)
      setDone('Authenticator app removed.')
      changed()
    })
  }
  const regenerate = () => {
    act(async () => {
      keep((await send(regenerateDocument)).regenerateRecoveryCodes.recoveryCodes)
      changed()
    })
  }
  return (
    <section className="card" aria-labelledby="two-step-title">
      <header>
        <h2 id="two-step-title">Two-step sign-in</h2>
        <p>{isOn ? <span className="tag">on</span> : 'off'}</p>
      </header>
      {codes && <RecoveryCodes codes={codes} close={() => { keep(undefined) }} />}
      {listed.length > 0 && (
        <ul className="commands">
          {listed.map((factor) => (
            <li key={factor.id}>
              <span><b>{factor.name ?? wordsOfMethod(factor.method)}</b> <span className="hint"><About factor={factor} /></span></span>
              {factor.method === 'TOTP' && <Confirm label="Remove" question="Remove the app?" action={removeApp} />}
              {factor.method === 'RECOVERY_CODE' && !codes && (
                <Confirm label="Make new codes" question="Replace the old codes?" action={regenerate} />
              )}
            </li>
          ))}
          {isOn && !factors.some(({ method }) => method === 'RECOVERY_CODE') && (
            <li>
              <span><b>Recovery codes</b> <span className="hint">none left</span></span>
              <button type="button" disabled={busy} onClick={regenerate}>Make new codes</button>
            </li>
          )}
        </ul>
      )}
      {!hasApp && (
        <div className="part">
          {setup
            ? (
                <SetUpApp
                  setup={setup}
                  cancel={() => { setSetup(undefined) }}
                  done={(recoveryCodes) => {
                    setSetup(undefined)
                    keep(recoveryCodes ?? undefined)
                    setDone('Authenticator app set up. From now on you need it to sign in.')
                    changed()
                  }}
                />
              )
            : (
                <>
                  <p>After your password you enter a code from an app on your phone. Then your password alone is of no use to others.</p>
                  <div className="buttons">
                    <button
                      type="button"
                      disabled={busy}
                      onClick={() => { act(async () => { setSetup((await send(beginDocument)).beginTotpSetup) }) }}
                    >
                      Set up an authenticator app
                    </button>
                  </div>
                </>
              )}
        </div>
      )}
      <Outcome problem={problem} done={done} />
    </section>
  )
}
