import { useCallback, useEffect, useState } from 'react'
import type { UnauthenticatedReason } from 'usher-client'

import { CopyId } from './components/CopyId'
import { Problem, useAction } from './components/Form'
import { failureOfQuery } from './failure'
import { isUnreachable, whenBack } from './reach'
import { href } from './route'
import { usher, useSession, type Viewer } from './session'
import { SignIn } from './signin/SignIn'

const ended: Record<UnauthenticatedReason, string> = {
  NO_TOKEN: 'You are signed out.',
  TOKEN_EXPIRED: 'Your session has ended. Sign in again.',
  TOKEN_INVALID: 'Your session is no longer valid. Sign in again.',
  SESSION_ENDED: 'Your session has ended. Sign in again.',
  ACCOUNT_DISABLED: 'Your account is disabled.',
}

/** The account panel: log-in and sign-up, or the signed-in user. */
export function Account() {
  const session = useSession()
  if (!session.known) return <Restore />
  if (session.viewer) return <WhoAmI viewer={session.viewer} />
  return <SignIn notice={session.ended && ended[session.ended]} />
}

/** Asks the server whether the browser has a session. */
export function Restore() {
  const [problem, setProblem] = useState<string>()
  const restore = useCallback(function restore() {
    // The cookie may still be valid, so a failure is no reason to ask for a password.
    usher.restore().catch((thrown: unknown) => {
      setProblem(failureOfQuery(thrown).message)
      if (isUnreachable(thrown)) void whenBack().then(restore)
    })
  }, [])
  useEffect(restore, [restore])
  if (problem === undefined) return <p className="hint">Checking whether you are signed in …</p>
  return (
    <>
      <Problem text={problem} />
      <div className="buttons">
        <button type="button" onClick={restore}>Try again</button>
      </div>
    </>
  )
}

/** The display name of a user. */
export function nameOf(user: { username?: string | null; email?: string | null; id: string }): string {
  return user.username ?? user.email ?? user.id
}

function WhoAmI({ viewer }: { viewer: Viewer }) {
  const { busy, problem, run } = useAction()
  const { user, session } = viewer
  const rows: [string, string | null | undefined][] = [
    ['Full name', user.fullName],
    ['E-mail', user.email],
    ['Roles', user.roles?.join(', ')],
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
      {user.email && !user.emailVerifiedAt && <p className="hint">Your address is not verified. <a href={href('account')}>Verify it</a></p>}
      {user.secondFactorDueAt && <p className="hint">Your account needs a second factor. <a href={href('account')}>Set it up</a></p>}
      {viewer.passwordCompromised && (
        <p className="hint">
          Your password is in a list of breached passwords. <a href={href('account')}>Change it</a>
        </p>
      )}
      <details>
        <summary>IDs</summary>
        <dl className="pairs">
          <div><dt>User</dt><dd><CopyId label="user ID" id={user.id} /></dd></div>
          <div><dt>Session</dt><dd><CopyId label="session ID" id={session.id} /></dd></div>
        </dl>
      </details>
      <Problem text={problem?.message} />
      <div className="buttons">
        <button type="button" disabled={busy} onClick={() => void run(async () => { await usher.refresh() })}>
          Refresh
        </button>
        <button
          type="button"
          disabled={busy}
          onClick={() => void run(() => usher.signOut())}
        >
          Sign out
        </button>
      </div>
      <p className="hint">
        The editor sends your access token with each request and refreshes it when it expires.
      </p>
    </>
  )
}

/** The seconds until the access token expires. */
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
          ? <>Access token expires in <b>{left} s</b></>
          : <>Access token: <b>expired</b>. The next request refreshes it.</>}
      </p>
      <progress max={span} value={left} aria-label="Remaining lifetime of the access token" />
    </div>
  )
}
