// The links in mails. They open /verify-email and /reset-password of this page, with the token in the fragment,
// which browsers send to no server.

export interface Link {
  page: 'verify-email' | 'reset-password'
  token: string
}

/** The link that opened the page. */
export const link = take()

function take(): Link | undefined {
  const page = location.pathname.slice(1)
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (!token || (page !== 'verify-email' && page !== 'reset-password')) return undefined
  history.replaceState(null, '', '/') // keeps the token out of the browser's history
  return { page, token }
}
