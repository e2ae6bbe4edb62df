// Hints for the browser about passkeys, so that it offers none that do not work, and shows names that are right (WebAuthn
// Level 3 §5.1.10). Not every browser takes them, and nothing depends on them.
import { passkeyDomain as rpId } from '../page'

/** Methods of PublicKeyCredential that TypeScript takes for granted. */
type Signals = Partial<Pick<typeof PublicKeyCredential, 'signalUnknownCredential' | 'signalAllAcceptedCredentials' | 'signalCurrentUserDetails'>>

function signal(run: (to: Signals) => Promise<void> | undefined) {
  try {
    run(PublicKeyCredential)?.catch(() => undefined)
  } catch {
    // A hint that cannot be given is none.
  }
}

/** Says that no account has a passkey. */
export function signalUnknown(credentialId: string) {
  signal((to) => to.signalUnknownCredential?.({ rpId, credentialId }))
}

/** Says which passkeys a user has. The browser hides all others of that user. */
export function signalAccepted(userId: string, allAcceptedCredentialIds: string[]) {
  signal((to) => to.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds }))
}

/** Says how a user is called. */
export function signalDetails(userId: string, name: string, displayName: string) {
  signal((to) => to.signalCurrentUserDetails?.({ rpId, userId, name, displayName }))
}
