const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** A point in time in the words of the viewer's place; the exact one is in its title. */
export function Time({ at }: { at: string | null | undefined }) {
  return at ? <time dateTime={at} title={at}>{format.format(new Date(at))}</time> : '–'
}
