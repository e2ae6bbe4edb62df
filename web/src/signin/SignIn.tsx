import { useState } from 'react'

import { Problem } from '../components/Form'
import { hasMail } from '../page'
import { useProviders } from '../providers/begin'
import { ProviderButtons } from '../providers/Buttons'
import { ByMail } from './ByMail'
import { Forgot } from './Forgot'
import { SignInForm } from './SignInForm'
import { SignUp } from './SignUp'

type Way = 'sign in' | 'sign up' | 'forgot' | 'by mail'

/** Signs in or up. */
export function SignIn({ notice, withProviders = true }: {
  notice: string | undefined
  /** Whether to offer sign-ins at providers. */
  withProviders?: boolean
}) {
  const [way, setWay] = useState<Way>('sign in')
  const providers = useProviders()
  const buttons = withProviders && providers.length > 0 && <ProviderButtons list={providers} label="Continue with" />
  return (
    <>
      <Problem text={notice} />
      <div className="switch" role="group" aria-label="How to sign in">
        <button type="button" aria-pressed={way !== 'sign up'} onClick={() => { setWay('sign in') }}>
          Sign in
        </button>
        <button type="button" aria-pressed={way === 'sign up'} onClick={() => { setWay('sign up') }}>
          Sign up
        </button>
      </div>
      {way === 'sign up' && <SignUp others={buttons} />}
      {way === 'forgot' && <Forgot back={() => { setWay('sign in') }} />}
      {way === 'by mail' && <ByMail back={() => { setWay('sign in') }} />}
      {way === 'sign in' && (
        <SignInForm
          submit="Sign in"
          others={(hasMail || buttons) && (
            <>
              {hasMail && <button type="button" onClick={() => { setWay('by mail') }}>Email me a code</button>}
              {buttons}
            </>
          )}
        >
          <button type="button" className="plain" onClick={() => { setWay('forgot') }}>Forgot your password?</button>
        </SignInForm>
      )}
    </>
  )
}
