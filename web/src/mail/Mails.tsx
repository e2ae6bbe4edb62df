import { nameOf } from '../Account'
import { Choice } from '../components/filters'
import { Problem, useAction } from '../components/Form'
import { Pager } from '../components/Pager'
import { type Column, Table } from '../components/Table'
import { Time } from '../components/Time'
import { graphql } from '../gql'
import type { ConsoleMailsQuery, MailKind, MailState } from '../gql/graphql'
import { usePages, useQuery } from '../query'
import { href, useFilters } from '../route'
import { send } from '../send'

const mailsDocument = graphql(`
  query ConsoleMails($first: Int!, $after: String, $filter: MailMessageFilter) {
    mailMessages(first: $first, after: $after, filter: $filter) {
      edges {
        node {
          id kind state recipient attempts lastError nextAttemptAt createdAt sentAt expiresAt
          user { id username email }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

const retryDocument = graphql(`
  mutation ConsoleRetryMail($input: RetryMailInput!) {
    retryMail(input: $input) { mail { id } }
  }
`)

type Mail = NonNullable<ConsoleMailsQuery['mailMessages']>['edges'][number]['node']

const kinds: Record<MailKind, string> = {
  VERIFY_EMAIL: 'Verify address',
  RESET_PASSWORD: 'Reset password',
  LOGIN_CODE: 'Sign-in code',
  CONFIRM_EMAIL: 'Confirm new address',
  EMAIL_CHANGED: 'Address changed',
  PASSWORD_CHANGED: 'Password changed',
  FACTOR_ADDED: 'Second factor added',
  FACTOR_REMOVED: 'Second factor removed',
  IDENTITY_LINKED: 'Account at a provider linked',
  IDENTITY_UNLINKED: 'Account at a provider unlinked',
  RECOVERY_CODE_USED: 'Recovery code used',
  RECOVERY_CODES_REPLACED: 'Recovery codes replaced',
  SIGN_UP: 'Sign-up',
  SIGN_UP_EXISTING: 'Sign-up with an existing account',
  INVITATION: 'Invitation',
  ACCOUNT_DELETION: 'Deletion announced',
  ACCOUNT_DELETED: 'Account deleted',
}

const states: Record<MailState, string> = { QUEUED: 'queued', SENT: 'sent', FAILED: 'failed', EXPIRED: 'expired', DROPPED: 'not sent' }

const parameters = { state: ['', ...Object.keys(states) as MailState[]], user: '' } as const

/** The mails that the server has sent or will send, for administrators. Never their content. */
export default function Mails() {
  const { values: { state, user }, set, link } = useFilters(parameters)
  const filter = { state: state || null, userId: user || null }
  const pages = usePages(JSON.stringify(filter))
  const { data, problem, loading, reload } = useQuery(mailsDocument, { first: 20, after: pages.after, filter })
  const { busy, problem: refused, run } = useAction()
  const retry = (id: string) => void run(async () => {
    await send(retryDocument, { input: { id } })
    reload()
  })
  const columns: Column<Mail>[] = [
    { title: 'Requested', cell: (mail) => <Time at={mail.createdAt} /> },
    { title: 'Kind', names: true, cell: (mail) => words(kinds, mail.kind) },
    { title: 'State', cell: (mail) => <State mail={mail} /> },
    { title: 'To', cell: (mail) => <Recipient mail={mail} /> },
    { title: 'Attempts', cell: (mail) => mail.attempts },
    { title: 'Last error', cell: (mail) => (mail.lastError ? <span title={mail.lastError}>{mail.lastError}</span> : '–') },
    {
      title: 'Action',
      cell: (mail) => mail.state === 'FAILED' && (
        <button
          type="button"
          disabled={busy}
          aria-label={`Retry the mail to ${mail.recipient ?? 'nobody'}`}
          onClick={() => { retry(mail.id) }}
        >
          Retry
        </button>
      ),
    },
  ]
  return (
    <section className="view" aria-labelledby="mails-title">
      <header className="title">
        <h1 id="mails-title">Mail</h1>
        <button type="button" onClick={reload}>Reload</button>
      </header>
      <p className="lead">The mails that the server has sent or will send. Their content is shown to nobody.</p>
      <div className="tools">
        <Choice label="State" options={{ '': 'Any state', ...states }} value={state} change={(value) => { set({ state: value }) }} />
        {user && <a href={link({ user: '' })}>Mails about all users</a>}
      </div>
      <Problem text={refused?.message} />
      <Table
        label="Table of mails"
        columns={columns}
        rows={data?.mailMessages?.edges.map((edge) => edge.node)}
        details={details}
        loading={loading}
        problem={problem?.message}
        empty={state || user ? <>No mails match. <a href={link({ state: '', user: '' })}>Show all mails</a></> : 'No mail was requested yet.'}
        lines={10}
      />
      <Pager pages={pages} end={data?.mailMessages?.pageInfo} />
    </section>
  )
}

/** The words for a value. A newer server may have more values. */
const words = <K extends string>(all: Record<K, string>, key: K): string => (all as Partial<Record<string, string>>)[key] ?? key

function State({ mail }: { mail: Mail }) {
  const text = words(states, mail.state)
  return mail.state === 'FAILED' || mail.state === 'EXPIRED' ? <span className="tag warn">{text}</span> : text
}

/** The address, as a link to the user that the mail is about. */
function Recipient({ mail: { recipient, user } }: { mail: Mail }) {
  if (!user) return recipient ?? '–'
  return <a href={href('users', { user: user.id })} title={nameOf(user)}>{recipient ?? nameOf(user)}</a>
}

/** What the table has no room for. */
function details(mail: Mail) {
  const times = [['Sent', mail.sentAt], ['Next attempt', mail.nextAttemptAt], ['Expires', mail.expiresAt]] as const
  return (
    <dl>
      {times.map(([title, at]) => at && <div key={title}><dt>{title}</dt><dd><Time at={at} /></dd></div>)}
      {mail.lastError && <div><dt>Last error</dt><dd>{mail.lastError}</dd></div>}
      <div><dt>Mail ID, in the Message-ID</dt><dd><code>{mail.id}</code></dd></div>
    </dl>
  )
}
