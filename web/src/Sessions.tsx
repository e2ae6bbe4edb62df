import { nameOf } from './Account'
import { Problem, useAction } from './form'
import { graphql } from './gql'
import { useQuery } from './query'
import { send } from './send'
import { useSession } from './session'
import { Time } from './time'

const sessionsDocument = graphql(`
  query ConsoleSessions {
    me {
      sessions(first: 100) {
        edges { node { id current createdAt lastUsedAt expiresAt ipAddress userAgent } }
      }
    }
  }
`)

const revokeDocument = graphql(`
  mutation ConsoleRevokeSession($input: RevokeSessionInput!) {
    revokeSession(input: $input) { sessionId }
  }
`)

const revokeOthersDocument = graphql(`
  mutation ConsoleRevokeOtherSessions {
    revokeOtherSessions { revokedCount }
  }
`)

/** Where the viewer is signed in, with ways to end it. */
export default function Sessions() {
  const { viewer } = useSession()
  const { data, problem, reload } = useQuery(sessionsDocument)
  const { busy, problem: refused, run } = useAction()
  const sessions = data?.me?.sessions?.edges.map((edge) => edge.node) ?? []
  const act = (action: () => Promise<unknown>) => void run(async () => {
    await action()
    reload()
  })
  return (
    <section className="view" aria-labelledby="sessions-title">
      <h1 id="sessions-title">Sessions</h1>
      <p className="lead">Where {viewer ? nameOf(viewer.user) : 'you'} can be signed in, the newest first.</p>
      <div className="tools">
        <output>{sessions.length} {sessions.length === 1 ? 'session' : 'sessions'}</output>
        <button
          type="button"
          disabled={busy || sessions.length < 2}
          onClick={() => { act(() => send(revokeOthersDocument)) }}
        >
          Revoke others
        </button>
        <button type="button" onClick={reload}>Reload</button>
      </div>
      <Problem text={refused?.message ?? problem?.message} />
      <ul className="sessions">
        {sessions.map((session) => (
          <li className="card" key={session.id} data-current={session.current}>
            <div>
              <h2>{device(session.userAgent)}{session.current && <span className="tag">this one</span>}</h2>
              <p className="hint">{session.userAgent}</p>
            </div>
            <dl>
              <div><dt>Signed in</dt><dd><Time at={session.createdAt} /></dd></div>
              <div><dt>Refreshed</dt><dd><Time at={session.lastUsedAt} /></dd></div>
              <div><dt>Ends</dt><dd><Time at={session.expiresAt} /></dd></div>
              <div><dt>Address</dt><dd>{session.ipAddress ?? '–'}</dd></div>
            </dl>
            {!session.current && (
              <button
                type="button"
                disabled={busy}
                aria-label={`Revoke the session of ${device(session.userAgent)}`}
                onClick={() => { act(() => send(revokeDocument, { input: { sessionId: session.id } })) }}
              >
                Revoke
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

/** The program that a session's User-Agent names, as well as these can be told apart. */
function device(userAgent: string | null | undefined): string {
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(userAgent ?? '')?.[1]
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(userAgent ?? '')?.[1]
  if (browser) return system ? `${browser} on ${system}` : browser
  return userAgent?.split('/')[0] ?? 'Unknown device'
}
