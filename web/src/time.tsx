const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** A point in time in the user's locale. Its title has the exact value. */
export function Time({ at }: { at: string | null | undefined }) {
  return at ? <time dateTime={at} title={at}>{format.format(new Date(at))}</time> : '–'
}
