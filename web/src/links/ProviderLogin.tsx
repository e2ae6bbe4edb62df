import { useEffect, useState } from 'react'
import { extensionsOf, find, secondFactorOf, type SecondFactor } from 'usher-client'

import { nameOf } from '../Account'
import { Form, Problem } from '../components/Form'
import { Placeholder } from '../components/Placeholder'
import { failure } from '../failure'
import { graphql } from '../gql'
import { lastVisit } from '../providers/begin'
import { href, navigate } from '../route'
import { send, sendAnonymously } from '../send'
import { usher, useSession } from '../session'
import { SecondStep } from '../signin/SecondStep'
import { SignIn } from '../signin/SignIn'
import { providerAnswer } from './secret'

const completeDocument = graphql(`
  mutation ConsoleCompleteProviderLogin($input: CompleteProviderLoginInput!) {
    completeProviderLogin(input: $input) { ...SignIn }
  }
`)

const linkDocument = graphql(`
  mutation ConsoleLinkIdentity($input: LinkIdentityInput!) {
    linkIdentity(input: $input) { identity { id } }
  }
`)

/** How a visit to a provider has ended. */
type Outcome =
  | { is: 'signed in' | 'linked' }
  | { is: 'second step'; second: SecondFactor }
  /** The user has to sign in, or to agree to a link. */
  | { is: 'not linked'; why: string }
  /** `again`: the same answer can be sent again. `signedIn`: whether somebody was signed in already. */
  | { is: 'failed'; why: string; again: boolean; signedIn: boolean }

const visit = lastVisit()
const name = visit?.provider ?? 'the provider'

const endings: Partial<Record<string, string>> = {
  access_denied: `The sign-in was cancelled, or ${name} refused it.`,
  temporarily_unavailable: `The sign-in was not possible, because ${name} did not answer. Try again later.`,
}

// Whoever has such an account can sign in and link the other one: the code stays valid.
const noAccount = `Your account at ${name} is not linked to an account here, and you cannot sign up with it. If you have an account here, sign in within 10 minutes, and link the two.`
const unlinked: Partial<Record<string, string>> = {
  IDENTITY_NOT_LINKED: `An account here has the e-mail address of your account at ${name}, and the two are not linked. Sign in to it in another way within 10 minutes. Then you can link them.`,
  SIGNUP_CLOSED: noAccount,
  INVITATION_REQUIRED: noAccount,
  EMAIL_CONFIRMATION_REQUIRED: noAccount,
}

const isSignedIn = () => usher.state().credentials !== null

const failed = (why: string, again = false): Outcome => ({ is: 'failed', why, again, signedIn: isSignedIn() })

/** Sends the answer of the provider. */
async function redeem(act: (code: string) => Promise<Outcome>): Promise<Outcome> {
  const { code, error } = providerAnswer
  if (error !== null) return failed(endings[error] ?? `The sign-in failed, because the answer of ${name} was not valid.`)
  if (code === null) return failed('There is nothing to complete here. This page was reloaded, or not opened by a provider.')
  try {
    return await act(code)
  } catch (thrown) {
    const second = secondFactorOf(thrown)
    if (second) return { is: 'second step', second }
    const { errors, message } = failure(thrown)
    const why = errors.map((of) => unlinked[extensionsOf(of).code ?? '']).find((text) => text !== undefined)
    if (why !== undefined) return { is: 'not linked', why }
    return failed(message, errors.length === 0 || find(errors, 'wait') !== undefined || find(errors, 'reauthenticate') !== undefined)
  }
}

const signIn = () => redeem(async (code) => {
  await usher.signIn(async () =>
    (await sendAnonymously(completeDocument, { input: { code, session: 'COOKIE' } })).completeProviderLogin)
  return { is: 'signed in' }
})

const link = () => redeem(async (code) => {
  await send(linkDocument, { input: { code } })
  return { is: 'linked' }
})

/** Does what the visit was for. A link needs the user who has asked for it. */
function proceed(): Promise<Outcome> {
  const { linkTo } = visit ?? {}
  if (linkTo === undefined || providerAnswer.error !== null) return signIn()
  if (usher.state().credentials?.user.id === linkTo) return link()
  return Promise.resolve({ is: 'not linked', why: 'You are not signed in any more as the user who wanted to link an account. Sign in to link it.' })
}

let first: Promise<Outcome> | undefined // React may run an effect twice

/** The page to which a provider returns. */
export function ProviderLogin() {
  const { viewer } = useSession()
  const [outcome, setOutcome] = useState<Outcome>()
  useEffect(() => {
    first ??= proceed()
    void first.then(setOutcome)
  }, [])
  const arrived = outcome?.is === 'signed in' || (outcome?.is === 'failed' && !outcome.signedIn && viewer !== null)
  useEffect(() => {
    if (arrived) navigate(visit?.from ?? href(''), { replace: true })
  }, [arrived])
  return (
    <section className="view link" aria-labelledby="link-title">
      <h1 id="link-title">{visit?.linkTo === undefined ? 'Sign in' : 'Link an account'} with {name}</h1>
      {outcome === undefined || arrived ? <Placeholder loading problem={undefined} lines={2} /> : <Ending outcome={outcome} go={setOutcome} />}
    </section>
  )
}

function Ending({ outcome, go }: { outcome: Outcome; go: (to: Outcome) => void }) {
  const { viewer } = useSession()
  const toAccount = <p><a href={href('account')}>Go to your account</a></p>
  switch (outcome.is) {
    case 'signed in': return null
    case 'linked':
      return <><p role="status">Your account at <b>{name}</b> is linked. You can sign in with it from now on.</p>{toAccount}</>
    case 'second step':
      return (
        <SecondStep
          second={outcome.second}
          right={`The sign-in at ${name} is right.`}
          submit="Sign in"
          back={(why) => { go(failed(why ?? 'The sign-in was cancelled.')) }}
          done={() => {
            go({ is: 'signed in' })
            return Promise.resolve()
          }}
        />
      )
    case 'not linked':
      if (!viewer) return <><p role="status">{outcome.why}</p><SignIn notice={undefined} withProviders={false} /></>
      return (
        <>
          <p role="status">
            You are signed in as <b>{nameOf(viewer.user)}</b>. Do you want to link your account at <b>{name}</b> to this account? You can
            sign in with it from then on.
          </p>
          <Form submit="Link" fields={[]} action={async () => { go(await link()) }}>
            <button type="button" onClick={() => { navigate(href('')) }}>Do not link</button>
          </Form>
        </>
      )
    case 'failed':
      return (
        <>
          {viewer && <Problem text={outcome.why} />}
          {outcome.again && <Form submit="Try again" fields={[]} action={async () => { go(await proceed()) }} />}
          {viewer
            ? <><p>You are signed in as <b>{nameOf(viewer.user)}</b>.</p>{toAccount}</>
            : <SignIn notice={outcome.why} />}
        </>
      )
  }
}
