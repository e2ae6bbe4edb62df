import { useState } from 'react'

import { Form, Problem } from '../components/Form'
import { Forgot } from './Forgot'
import { identifierField, passwordField, signIn } from './signIn'
import { SignUp } from './SignUp'

type Way = 'sign in' | 'sign up' | 'forgot'

/** Signs in or up, in the account panel. */
export function SignIn({ notice }: { notice: string | undefined }) {
  const [way, setWay] = useState<Way>('sign in')
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
      {way === 'sign up' && <SignUp />}
      {way === 'forgot' && <Forgot back={() => { setWay('sign in') }} />}
      {way === 'sign in' && (
        <Form submit="Sign in" fields={[identifierField, passwordField]} action={signIn}>
          <button type="button" className="plain" onClick={() => { setWay('forgot') }}>Forgot your password?</button>
        </Form>
      )}
    </>
  )
}
