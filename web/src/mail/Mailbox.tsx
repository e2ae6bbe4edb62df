import { Placeholder } from '../components/Placeholder'
import { Time } from '../components/Time'
import { useFilters } from '../route'
import { htmlOf, useMail, useMailbox } from './kept'

const parameters = { mail: '', part: ['html', 'text', 'source'] } as const
const parts = { html: 'HTML', text: 'Text', source: 'Source' } as const

/** The mails of a server in development. Everybody can see them, because a user without a password is signed out. */
export default function Mailbox() {
  const { values: { mail: chosen, part }, set, link } = useFilters(parameters)
  const { mails, problem } = useMailbox()
  const id = chosen || mails?.[0]?.id
  return (
    <section className="view" aria-labelledby="mailbox-title">
      <h1 id="mailbox-title">Mailbox</h1>
      <p className="lead">
        This server has no SMTP server, so it keeps its mail here: the last 100, until it stops. New mail appears by itself.
      </p>
      {(!mails?.length || problem) && <Placeholder loading={!mails} problem={problem} empty="No mail yet." lines={4} />}
      {id !== undefined && (
        <div className="mailbox">
          <ul className="card" aria-label="Mails">
            {mails?.map((mail) => (
              <li key={mail.id}>
                <a href={link({ mail: mail.id })} aria-current={mail.id === id ? 'true' : undefined}>
                  <b>{mail.subject}</b>
                  <span>{mail.to}</span>
                  <Time at={mail.time} />
                </a>
              </li>
            ))}
          </ul>
          <Letter key={id} id={id} part={part} show={(next) => { set({ mail: id, part: next }, { replace: true }) }} />
        </div>
      )}
    </section>
  )
}

function Letter({ id, part, show }: { id: string; part: keyof typeof parts; show: (part: keyof typeof parts) => void }) {
  const { mail, problem } = useMail(id)
  if (!mail) return <Placeholder loading={!problem} problem={problem} lines={8} />
  return (
    <article className="card letter" aria-labelledby="letter-subject">
      <header>
        <h2 id="letter-subject">{mail.subject}</h2>
        <p>To {mail.to}, <Time at={mail.time} /></p>
        <div className="switch" role="group" aria-label="Part of the mail">
          {Object.entries(parts).map(([key, title]) => (
            <button key={key} type="button" aria-pressed={key === part} onClick={() => { show(key as keyof typeof parts) }}>
              {title}
            </button>
          ))}
        </div>
      </header>
      {part === 'html'
        // The page of the mail has the same sandbox by its policy. Its links open new tabs, which have none.
        ? <iframe title={mail.subject} src={htmlOf(id)} sandbox="allow-popups allow-popups-to-escape-sandbox" />
        : <pre tabIndex={0} aria-label={parts[part]}>{part === 'text' ? linked(mail.text) : mail.source}</pre>}
    </article>
  )
}

/** A text with its URLs as links. */
function linked(text: string) {
  return text.split(/(https?:\/\/[^\s<>]+)/).map((piece, n) =>
    n % 2 ? <a key={n} href={piece} target="_blank" rel="noreferrer">{piece}</a> : piece)
}
