// The token of the link in a mail that has opened this page: `/reset-password#token=…`. It is taken out of the address
// and of the history before anything else happens, and is nowhere but in memory.
import { href } from '../route'

/** The pages that links in mails open. */
export const linkPages = [
  'verify-email', 'reset-password', 'confirm-email', 'undo-email-change', 'complete-signup', 'accept-invitation', 'login',
] as const
export type LinkPage = (typeof linkPages)[number]

export const isLinkPage = (name: string): name is LinkPage => (linkPages as readonly string[]).includes(name)

const opened = location.pathname.slice(1)
let token = ''
if (isLinkPage(opened)) {
  token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
  history.replaceState(null, '', `/${href(opened)}`)
}

/** The token that a page was opened with, or ''. */
export const tokenOf = (page: LinkPage) => (page === opened ? token : '')
