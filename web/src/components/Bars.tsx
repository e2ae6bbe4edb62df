import { formatDay } from '../days'

/** A count for each day as bars. A day without events has a thin line. The view has the numbers as a table too. */
export function Bars({ label, bad, days }: { label: string; bad: boolean; days: { date: string; count: number }[] }) {
  const top = Math.max(...days.map(({ count }) => count), 1)
  const [first, last] = [days[0], days.at(-1)]
  return (
    <div className="bars">
      <svg viewBox={`0 0 ${String(days.length)} 100`} preserveAspectRatio="none" role="img" aria-label={label}>
        {days.map(({ date, count }, n) => {
          const height = count === 0 ? 1 : Math.max(3, (count / top) * 100)
          return (
            <g key={date}>
              <title>{`${formatDay(date)}: ${count.toLocaleString()}`}</title>
              <rect className="day" x={n} width="1" height="100" />
              <rect className={count === 0 ? 'none' : bad ? 'bad' : 'good'} x={n + 0.1} width="0.8" y={100 - height} height={height} />
            </g>
          )
        })}
      </svg>
      <p aria-hidden="true">
        <span>{first && formatDay(first.date)}</span>
        <span>{days.some(({ count }) => count > 0) ? `at most ${top.toLocaleString()} a day` : 'none'}</span>
        <span>{last && formatDay(last.date)}</span>
      </p>
    </div>
  )
}
