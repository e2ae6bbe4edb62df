import type { ComponentType } from 'react'

import { Restore } from '../Account'
import { useRoute } from '../route'
import { useSession } from '../session'
import { ConfirmEmail, UndoEmailChange } from './ChangeEmail'
import { AcceptInvitation, CompleteSignUp } from './CompleteSignUp'
import { Login } from './Login'
import { ProviderLogin } from './ProviderLogin'
import { ResetPassword } from './ResetPassword'
import { isLinkPage, type LinkPage } from './secret'
import { VerifyEmail } from './VerifyEmail'

const pages: Record<LinkPage, ComponentType> = {
  'verify-email': VerifyEmail,
  'reset-password': ResetPassword,
  'confirm-email': ConfirmEmail,
  'undo-email-change': UndoEmailChange,
  'complete-signup': CompleteSignUp,
  'accept-invitation': AcceptInvitation,
  login: Login,
  'provider-login': ProviderLogin,
}

/**
 * The pages that links in mails open. Each asks for a click before it changes anything, because programs open links too. And the
 * page to which providers return.
 */
export default function Links() {
  const { name } = useRoute()
  const { known } = useSession()
  if (!known) return <section className="view link"><Restore /></section>
  if (!isLinkPage(name)) return null
  const Page = pages[name]
  return <Page />
}
