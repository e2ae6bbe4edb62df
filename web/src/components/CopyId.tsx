import { useEffect, useState } from 'react'

/**
 * An id, shortened to its end, with a button that copies all of it. The ids of things that were made within a
 * minute begin alike (RFC 9562 §5.7). Without HTTPS a page cannot copy, so all of the id is shown.
 */
export function CopyId({ label, id }: { label: string; id: string | null | undefined }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => { setCopied(false) }, 2000)
    return () => { clearTimeout(timer) }
  }, [copied])
  if (!id) return '–'
  if (!isSecureContext) return <code>{id}</code>
  return (
    <span className="id">
      <code title={id}>{id.length > 12 ? `…${id.slice(-8)}` : id}</code>
      <button
        type="button"
        className="plain"
        aria-label={`Copy the ${label}`}
        title={`Copy the ${label}`}
        onClick={() => { void navigator.clipboard.writeText(id).then(() => { setCopied(true) }) }}
      >
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.5">
          {copied
            ? <path d="M3 8.5l3.5 3.5L13 4.5" strokeLinecap="round" strokeLinejoin="round" />
            : <path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3" strokeLinejoin="round" />}
        </svg>
      </button>
      <span role="status" className="unseen">{copied && 'Copied.'}</span>
    </span>
  )
}
