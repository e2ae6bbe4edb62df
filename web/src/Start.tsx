import { openInEditor } from './opening'
import { hasMailbox } from './page'
import { href } from './route'
import { nameOfStarter, starters } from './starters'

/** Example operations. */
export function Start() {
  return (
    <section className="view" aria-labelledby="start-title">
      <h1 id="start-title">Start</h1>
      <p className="lead">
        Usher is a GraphQL API for authentication. It signs users up and in, keeps their sessions, and checks the
        access rules of your schema. Send operations to <code>/graphql</code>.
      </p>
      <ul className="lead">
        <li><a href={href('editor')}>Editor</a>: run operations, and read the documentation of every field.</li>
        <li><a href={href('access')}>Access</a>: the access rules of the schema, and what they allow you.</li>
        {hasMailbox && <li><a href={href('mailbox')}>Mailbox</a>: the mails of this server, which keeps them instead of sending them.</li>}
        <li><a href="/schema.graphqls">Schema</a>: the schema as a file, for code generators.</li>
        <li>
          The guides are in the folder <code>docs/</code> of the source. <code>quickstart.md</code> has a first client for
          each framework. <code>deploy.md</code> is for production.
        </li>
      </ul>
      <p className="lead">
        Sign up or sign in with the account panel, or open one of these operations in the editor. It runs as the
        signed-in user.
      </p>
      {starters.map(({ who, list }) => (
        <section key={who} aria-labelledby={`starters-${who}`}>
          <h2 id={`starters-${who}`}>{who}</h2>
          <ul className="starters">
            {list.map((starter) => (
              <li key={starter.query}>
                <button type="button" onClick={() => { openInEditor(starter) }}>
                  <b>{nameOfStarter(starter)}</b>
                  <span>{starter.about}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  )
}
