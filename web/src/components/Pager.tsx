import type { Pages } from '../query'

/** Buttons that page through a list. */
export function Pager({ pages, end }: {
  pages: Pages
  end: { hasNextPage: boolean; endCursor?: string | null } | undefined
}) {
  return (
    <nav className="pager" aria-label="Pages">
      <button type="button" disabled={pages.number === 1} onClick={pages.back}>
        Back
      </button>
      <span>Page {pages.number}</span>
      <button
        type="button"
        disabled={!end?.hasNextPage}
        onClick={() => { if (end?.endCursor) pages.next(end.endCursor) }}
      >
        Next
      </button>
    </nav>
  )
}
