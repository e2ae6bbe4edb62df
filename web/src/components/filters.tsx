/** A text that filters a list. The history does not get an entry for each letter. */
export function Search({ label, hint, value, change }: {
  label: string
  hint: string
  value: string
  change: (value: string, options: { replace: true }) => void
}) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={hint}
      value={value}
      onChange={(event) => { change(event.target.value, { replace: true }) }}
    />
  )
}

/** One of several values that filters a list. `options` has the words for each value. */
export function Choice<V extends string>({ label, options, value, change }: {
  label: string
  options: Record<V, string>
  value: V
  change: (value: V) => void
}) {
  return (
    <select aria-label={label} value={value} onChange={(event) => { change(event.target.value as V) }}>
      {Object.entries<string>(options).map(([key, words]) => <option key={key} value={key}>{words}</option>)}
    </select>
  )
}
