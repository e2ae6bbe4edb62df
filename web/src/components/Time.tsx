const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })

/** A point in time in the user's locale. Its title has the day of the week, the seconds and the time zone. */
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return '–'
  const date = new Date(at)
  return <time dateTime={at} title={exact.format(date)}>{short.format(date)}</time>
}
