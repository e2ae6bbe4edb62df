import { useEffect, useState } from 'react'

import { Form, Problem, useAction } from './form'
import { graphql } from './gql'
import type { UnauthenticatedReason } from './gql/enums'
import { sendAlone } from './send'
import { current, refresh, restore, signIn, signOut, useSession, type Viewer } from './session'

const signUpDocument = graphql(`
  mutation ConsoleSignUp($input: SignupInput!) {
    signup(input: $input) { ...SignIn }
  }
`)

const logInDocument = graphql(`
  mutation ConsoleLogIn($input: LoginInput!) {
    login(input: $input) { ...SignIn }
  }
`)

const logOutDocument = graphql(`
  mutation ConsoleLogOut {
    logout { sessionId }
  }
`)

const ended: Record<UnauthenticatedReason, string> = {
  NO_TOKEN: 'You are signed out.',
  TOKEN_EXPIRED: 'Your session has ended. Log in again.',
  TOKEN_INVALID: 'The server does not accept your token any more. Log in again.',
  SESSION_ENDED: 'Your session has ended. Log in again.',
  ACCOUNT_DISABLED: 'Your account is disabled.',
}

/** The panel that signs in and says who is. */
export function Account() {
  const session = useSession()
  if (!session.known) return <Unknown problem={session.problem} />
  if (session.viewer) return <WhoAmI viewer={session.viewer} />
  return <SignIn notice={session.ended && ended[session.ended]} />
}

/** Nothing is known yet: the server is being asked, or could not be. */
function Unknown({ problem }: { problem: string | undefined }) {
  if (problem === undefined) return <p className="hint">Finding out who is signed in …</p>
  return (
    <>
      <Problem text={problem} />
      <div className="buttons">
        <button type="button" onClick={() => void restore()}>Try again</button>
      </div>
    </>
  )
}

/** What to call a user. */
export function nameOf(user: { username?: string | null; email?: string | null; id: string }): string {
  return user.username ?? user.email ?? user.id
}

function SignIn({ notice }: { notice: string | undefined }) {
  const [isNew, setNew] = useState(false)
  return (
    <>
      <Problem text={notice} />
      <div className="switch" role="group" aria-label="How to sign in">
        <button type="button" aria-pressed={!isNew} onClick={() => { setNew(false) }}>
          Log in
        </button>
        <button type="button" aria-pressed={isNew} onClick={() => { setNew(true) }}>
          Sign up
        </button>
      </div>
      {isNew ? <SignUpForm /> : <LogInForm />}
    </>
  )
}

function LogInForm() {
  return (
    <Form
      key="login"
      submit="Log in"
      fields={[
        { name: 'identifier', label: 'User name or e-mail', autoComplete: 'username' },
        { name: 'password', label: 'Password', type: 'password', autoComplete: 'current-password' },
      ]}
      action={async ({ identifier = '', password = '' }) => {
        signIn((await sendAlone(logInDocument, { input: { identifier, password, session: 'COOKIE' } })).login)
      }}
    />
  )
}

function SignUpForm() {
  return (
    <Form
      key="signup"
      submit="Sign up"
      fields={[
        { name: 'username', label: 'User name', autoComplete: 'username' },
        { name: 'email', label: 'E-mail', type: 'email', autoComplete: 'email', hint: 'One of the two is enough.' },
        { name: 'password', label: 'Password', type: 'password', autoComplete: 'new-password', hint: 'A few words are easy to remember.' },
        { name: 'fullName', label: 'Full name (optional)', autoComplete: 'name' },
      ]}
      action={async ({ username, email, password = '', fullName }) => {
        const input = { username: given(username), email: given(email), password, fullName: given(fullName) }
        signIn((await sendAlone(signUpDocument, { input: { ...input, session: 'COOKIE' } })).signup)
      }}
    />
  )
}

/** What was typed in a field that may be left empty. */
function given(text: string | undefined): string | null {
  return text === '' || text === undefined ? null : text
}

function WhoAmI({ viewer }: { viewer: Viewer }) {
  const { busy, problem, run } = useAction()
  const { user, session } = viewer
  const rows: [string, string | null | undefined][] = [
    ['Full name', user.fullName],
    ['E-mail', user.email],
    ['Roles', user.roles?.join(', ')],
    ['User', user.id],
    ['Session', session.id],
  ]
  return (
    <>
      <h2 className="who">{nameOf(user)}</h2>
      <Countdown until={viewer.expiresAt} span={viewer.expiresIn} />
      <dl>
        {rows.map(([term, value]) => value && (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Problem text={problem?.message} />
      <div className="buttons">
        <button type="button" disabled={busy} onClick={() => void run(async () => { await refresh(viewer.accessToken) })}>
          Refresh
        </button>
        <button
          type="button"
          disabled={busy}
          onClick={() => void run(async () => {
            await sendAlone(logOutDocument)
            if (current().viewer?.session.id === session.id) signOut()
          })}
        >
          Log out
        </button>
      </div>
      <p className="hint">
        The editor sends your access token by itself, and gets a new one when it has expired.
      </p>
    </>
  )
}

/** The seconds that are left of the access token. */
function Countdown({ until, span }: { until: number; span: number }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => { setNow(Date.now()) }, 500)
    return () => { clearInterval(timer) }
  }, [])
  const left = Math.max(0, Math.min(span, Math.ceil((until - now) / 1000)))
  return (
    <div className="countdown">
      <p role="timer">
        {left > 0
          ? <>Access token: <b>{left} s</b> left</>
          : <>Access token: <b>expired</b>, renewed by the next request</>}
      </p>
      <progress max={span} value={left} aria-label="What is left of the access token" />
    </div>
  )
}
