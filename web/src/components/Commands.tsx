import { CopyButton } from './CopyButton'

/** Commands of the server's machine that change what a view lists, each with what it does and a button that copies it. */
export function Commands({ list }: { list: { about: string; command: string }[] }) {
  return (
    <section className="card" aria-labelledby="commands">
      <header>
        <h2 id="commands">Commands</h2>
        <p>This view is read-only. Run these commands on the server’s machine, with the server’s settings.</p>
      </header>
      <ul className="commands">
        {list.map(({ about, command }) => (
          <li key={command}>
            <span>{about}</span>
            <span className="id">
              <code>{command}</code>
              <CopyButton label={`command: ${command}`} text={command} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
