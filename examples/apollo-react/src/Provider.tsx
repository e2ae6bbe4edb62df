import { type ReactNode, useEffect, useState } from 'react'
import { type Provider, type ProviderResult, type SecondFactor, secondFactorOf } from 'usher-client'
import { SecondStep } from './SecondStep'
import { usher } from './usher'

/** The page of this origin to which providers return. The server must allow it: USHER_PROVIDER_REDIRECTS. */
export const returnPath = '/signed-in'

const messageOf = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown))

/** A button for each provider. */
export function ProviderButtons() {
  const [providers, setProviders] = useState<readonly Provider[]>([])
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    usher.providers().then(setProviders, () => undefined) // the other ways to sign in show what is wrong
  }, [])
  const leave = async (provider: Provider) => {
    location.assign(await usher.signInWithProvider(provider.id, location.origin + returnPath))
  }
  return (
    <>
      {providers.map((provider) => (
        <button
          key={provider.id}
          onClick={() => {
            setProblem(undefined)
            leave(provider).catch((thrown: unknown) => { setProblem(messageOf(thrown)) })
          }}
        >
          Continue with {provider.name}
        </button>
      ))}
      {problem && <p role="alert">{problem}</p>}
    </>
  )
}

const problems = {
  cancelled: 'The sign-in was cancelled.',
  unavailable: 'The provider did not answer. Try again later.',
  failed: 'The sign-in failed. Try again, or sign in in another way.',
  nothing: 'There is nothing to complete. Sign in again.',
}

let completing: Promise<ProviderResult> | undefined // React may run an effect twice

interface ReturnProps {
  /** Whether somebody is signed in. */
  signedIn: boolean
  /** Called when nothing is left to do. */
  done: () => void
  /** Signs in in another way. */
  signIn: ReactNode
}

/** The page to which a provider returns. */
export function ProviderReturn({ signedIn, done, signIn }: ReturnProps) {
  const [second, setSecond] = useState<SecondFactor>()
  const [link, setLink] = useState<() => Promise<void>>()
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    completing ??= usher.completeProviderLogin()
    completing.then((result) => {
      if (result.outcome === 'done') done()
      else if (result.outcome === 'not linked') setLink(() => result.link)
      else setProblem(problems[result.outcome])
    }).catch((thrown: unknown) => {
      const needed = secondFactorOf(thrown)
      if (needed) setSecond(needed)
      else setProblem(messageOf(thrown))
    })
  }, [done])
  const completed = second !== undefined && signedIn
  useEffect(() => { if (completed) done() }, [completed, done])
  if (second) return <SecondStep second={second} back={done} />
  if (link && signedIn) {
    return (
      <main>
        <p>Do you want to sign in to this account with your account at the provider from now on?</p>
        <button onClick={() => { link().then(done, (thrown: unknown) => { setProblem(messageOf(thrown)) }) }}>Link the accounts</button>
        <button className="link" onClick={done}>Do not link</button>
        {problem && <p role="alert">{problem}</p>}
      </main>
    )
  }
  if (link) return <><p role="status">You have an account with this e-mail address. Sign in to it, and then link the two.</p>{signIn}</>
  if (!problem) return <main aria-busy />
  return (
    <main>
      <p role="alert">{problem}</p>
      <button onClick={done}>Continue</button>
    </main>
  )
}
