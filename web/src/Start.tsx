import { openInEditor } from './opening'
import { nameOfStarter, starters } from './starters'

/** Example operations. */
export function Start() {
  return (
    <section className="view" aria-labelledby="start-title">
      <h1 id="start-title">Start</h1>
      <p className="lead">
        Usher is a GraphQL authentication API. Sign up or sign in with the account panel, or open one of these
        operations in the editor. It runs as the signed-in user.
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
