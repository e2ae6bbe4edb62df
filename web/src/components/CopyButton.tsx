import { useEffect, useState } from 'react'

/** A button that copies a text. Without HTTPS a page cannot copy, so there is no button. */
export function CopyButton({ label, text }: { label: string; text: string }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => { setCopied(false) }, 2000)
    return () => { clearTimeout(timer) }
  }, [copied])
  if (!isSecureContext) return null
  return (
    <>
      <button
        type="button"
        className="plain"
        aria-label={`Copy the ${label}`}
        title={`Copy the ${label}`}
        onClick={() => { void navigator.clipboard.writeText(text).then(() => { setCopied(true) }) }}
      >
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.5">
          {copied
            ? <path d="M3 8.5l3.5 3.5L13 4.5" strokeLinecap="round" strokeLinejoin="round" />
            : <path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3" strokeLinejoin="round" />}
        </svg>
      </button>
      <span role="status" className="unseen">{copied && 'Copied.'}</span>
    </>
  )
}
