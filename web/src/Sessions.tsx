import { nameOf } from './Account'
import { CopyId } from './components/CopyId'
import { Problem, useAction } from './components/Form'
import { Placeholder } from './components/Placeholder'
import { Time } from './components/Time'
import { device } from './device'
import { graphql } from './gql'
import { wordsOfMethods } from './methods'
import { useQuery } from './query'
import { send } from './send'
import { useSession } from './session'

const sessionsDocument = graphql(`
  query ConsoleSessions {
    me {
      sessions(first: 100) {
        edges { node { id current createdAt lastUsedAt expiresAt ipAddress userAgent methods assurance } }
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

/** The sessions of the signed-in user. */
export default function Sessions() {
  const { viewer } = useSession()
  const { data, problem, loading, reload } = useQuery(sessionsDocument)
  const { busy, problem: refused, run } = useAction()
  const sessions = data?.me?.sessions?.edges.map((edge) => edge.node) ?? []
  const act = (action: () => Promise<unknown>) => void run(async () => {
    await action()
    reload()
  })
  return (
    <section className="view" aria-labelledby="sessions-title">
      <h1 id="sessions-title">Sessions</h1>
      <p className="lead">Active sessions of {viewer ? nameOf(viewer.user) : 'your account'}, newest first.</p>
      <div className="tools">
        <output>{data && `${String(sessions.length)} ${sessions.length === 1 ? 'session' : 'sessions'}`}</output>
        <button
          type="button"
          disabled={busy || sessions.length < 2}
          onClick={() => { act(() => send(revokeOthersDocument)) }}
        >
          End all others
        </button>
        <button type="button" onClick={reload}>Reload</button>
      </div>
      <Problem text={refused?.message} />
      {(!data || problem) && <Placeholder loading={loading} problem={problem?.message} lines={3} />}
      <ul className="sessions" aria-busy={loading}>
        {sessions.map((session) => (
          <li className="card" key={session.id} data-current={session.current}>
            <div>
              <header>
                <h2>{device(session.userAgent)}{session.current && <span className="tag">this session</span>}</h2>
                <CopyId label="session ID" id={session.id} />
              </header>
              <p className="hint">{session.userAgent}</p>
            </div>
            <dl>
              <div><dt>Signed in</dt><dd><Time at={session.createdAt} /></dd></div>
              <div><dt>Last refreshed</dt><dd><Time at={session.lastUsedAt} /></dd></div>
              <div><dt>Expires</dt><dd><Time at={session.expiresAt} /></dd></div>
              <div><dt>IP address</dt><dd>{session.ipAddress ?? '–'}</dd></div>
              <div className="whole">
                <dt>Signed in with</dt>
                <dd>{wordsOfMethods(session.methods)}{session.assurance === 'AAL2' && <span className="tag">two factors</span>}</dd>
              </div>
            </dl>
            {!session.current && (
              <button
                type="button"
                disabled={busy}
                aria-label={`End the session of ${device(session.userAgent)}`}
                onClick={() => { act(() => send(revokeDocument, { input: { sessionId: session.id } })) }}
              >
                End
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
