import { CopyButton } from './CopyButton'

/**
 * An id, shortened to its end, with a button that copies all of it. The ids of things that were made within a
 * minute begin alike (RFC 9562 §5.7). Without HTTPS a page cannot copy, so all of the id is shown.
 */
export function CopyId({ label, id }: { label: string; id: string | null | undefined }) {
  if (!id) return '–'
  if (!isSecureContext) return <code>{id}</code>
  return (
    <span className="id">
      <code title={id}>{id.length > 12 ? `…${id.slice(-8)}` : id}</code>
      <CopyButton label={label} text={id} />
    </span>
  )
}
