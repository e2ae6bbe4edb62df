// The secret of the link that has opened this page: the token of a mail, as in `/reset-password#token=…`, or the answer of a
// provider, as in `/provider-login?code=…`. It is taken out of the address and of the history before anything else happens, and
// is nowhere but in memory.
import { href } from '../route'

/** The pages that links in mails open, and the one to which providers return. */
export const linkPages = [
  'verify-email', 'reset-password', 'confirm-email', 'undo-email-change', 'complete-signup', 'accept-invitation', 'login',
  'provider-login',
] as const
export type LinkPage = (typeof linkPages)[number]

export const isLinkPage = (name: string): name is LinkPage => (linkPages as readonly string[]).includes(name)

const opened = location.pathname.slice(1)
let token = ''
const answer = new URLSearchParams(opened === 'provider-login' ? location.search : '')
if (isLinkPage(opened)) {
  token = new URLSearchParams(location.hash.slice(1)).get('token') ?? ''
  history.replaceState(null, '', `/${href(opened)}`)
}

/** What a provider has answered. */
export const providerAnswer = { code: answer.get('code'), error: answer.get('error') }

/** The token that a page was opened with, or ''. */
export const tokenOf = (page: LinkPage) => (page === opened ? token : '')
