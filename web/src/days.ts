// Days of the calendar in the format of RFC 3339, as 2026-01-31.

const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** A day in the user's locale. */
export const formatDay = (day: string) => short.format(new Date(`${day}T00:00Z`))

/** The user's time zone, as Europe/London. */
export const timeZone = new Intl.DateTimeFormat().resolvedOptions().timeZone

/** Whether a text is a day. */
export const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))

/** The time at which a day begins in the user's time zone, or the day after it. */
export function startOf(day: string, { after = false } = {}): string {
  const start = new Date(`${day}T00:00`)
  if (after) start.setDate(start.getDate() + 1)
  return start.toISOString()
}
