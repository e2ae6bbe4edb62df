import { Bars } from './components/Bars'
import { Chart } from './components/Chart'
import { Problem } from './components/Form'
import { type Column, Table } from './components/Table'
import { formatDay } from './days'
import { graphql } from './gql'
import type { ConsoleActivityQuery } from './gql/graphql'
import { useQuery } from './query'
import { href, useFilters } from './route'

const activityDocument = graphql(`
  query ConsoleActivity($days: Int!) {
    dailyActivity(days: $days) { date signups logins failedLogins }
    userCount
  }
`)

const parameters = { days: ['30', '7', '90'] } as const

type Day = NonNullable<ConsoleActivityQuery['dailyActivity']>[number]

const charts = [
  { title: 'Sign-ups', kind: 'SIGNUP', count: (day: Day) => day.signups },
  { title: 'Sign-ins', kind: 'LOGIN', count: (day: Day) => day.logins },
  { title: 'Failed sign-ins', kind: 'LOGIN_FAILED', count: (day: Day) => day.failedLogins },
]

const columns: Column<Day & { id: string }>[] = [
  { title: 'Day', names: true, cell: (day) => <time dateTime={day.date}>{formatDay(day.date)}</time> },
  ...charts.map(({ title, count }) => ({ title, cell: (day: Day) => count(day).toLocaleString() })),
]

/** userCount counts no further. */
const maxCount = 100_000

/** What happened lately, for administrators. */
export default function Dashboard() {
  const { values: { days }, set } = useFilters(parameters)
  const { data, problem, loading, reload } = useQuery(activityDocument, { days: Number(days) })
  const activity = data?.dailyActivity
  const users = data?.userCount
  return (
    <section className="view" aria-labelledby="dashboard-title">
      <h1 id="dashboard-title">Dashboard</h1>
      <div className="tools">
        <div className="switch" role="group" aria-label="Period">
          {(['7', '30', '90'] as const).map((n) => (
            <button key={n} type="button" aria-pressed={n === days} onClick={() => { set({ days: n }) }}>{n} days</button>
          ))}
        </div>
        <button type="button" onClick={reload}>Reload</button>
        <span className="hint">Days are in UTC. The last one is today so far.</span>
      </div>
      <Problem text={activity ? problem?.message : undefined} />
      <div className="card users-count">
        <p><b className="number">{users?.toLocaleString() ?? '–'}{users === maxCount && ' or more'}</b> {users === 1 ? 'user' : 'users'}</p>
        <nav aria-label="More" className="links">
          <a href={href('users')}>Users</a>
          <a href={href('users', { status: 'disabled' })}>Disabled accounts</a>
          <a href={href('audit')}>Audit log</a>
          <a href={href('clients')}>OAuth clients</a>
          <a href={href('keys')}>Signing keys</a>
        </nav>
      </div>
      <div className="board">
        {charts.map(({ title, kind, count }) => {
          const counts = activity?.map((day) => ({ date: day.date, count: count(day) }))
          const total = counts?.reduce((sum, day) => sum + day.count, 0).toLocaleString()
          return (
            <Chart key={kind} title={title} loading={loading} problem={problem?.message}>
              {counts && total !== undefined && (
                <>
                  <p className="number">{total}</p>
                  <Bars bad={kind === 'LOGIN_FAILED'} label={`${title} per day, ${total} in ${days} days. The table below has the numbers.`} days={counts} />
                  <a href={href('audit', { kind })}>{title} in the audit log</a>
                </>
              )}
            </Chart>
          )
        })}
      </div>
      <details>
        <summary>Numbers of each day</summary>
        <Table
          label="Table of days"
          columns={columns}
          rows={activity?.map((day) => ({ ...day, id: day.date })).reverse()}
          loading={loading}
          problem={problem?.message}
          empty="No data yet."
        />
      </details>
    </section>
  )
}
