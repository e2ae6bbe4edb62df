// What browsers throw instead of a passkey, in words.
import { UsherError } from 'usher-client'

type Doing = 'use' | 'create'

const words: Partial<Record<string, Record<Doing, string>>> = {
  // Browsers do not say which, so that pages cannot find out which passkeys somebody has (WebAuthn Level 3 §14.5).
  NotAllowedError: {
    use: 'No passkey was used. Either this was cancelled, or this device has no passkey for this site or could not verify you.',
    create: 'No passkey was created. Either this was cancelled, or this device could not verify you.',
  },
  InvalidStateError: {
    use: 'This passkey cannot be used here.',
    create: 'This device or password manager already has a passkey for your account.',
  },
  SecurityError: {
    use: 'This browser does not allow passkeys at the address of this page.',
    create: 'This browser does not allow passkeys at the address of this page.',
  },
  NotSupportedError: {
    use: 'This device has no passkey that works here.',
    create: 'This device cannot create passkeys of a kind that works here.',
  },
  ConstraintError: {
    use: 'This device cannot verify you. Set up a screen lock or a PIN for it first.',
    create: 'This device cannot verify you. Set up a screen lock or a PIN for it first.',
  },
}

const timedOut = 'The request timed out. Try again.'

/** Whether a request was given up because the page has asked for something else. */
const isAborted = (thrown: unknown) => thrown instanceof DOMException && thrown.name === 'AbortError'

/**
 * Runs a request to the browser. Throws an UsherError with words for the user, or an AbortError as it is. A user who does
 * nothing has the same error as one who cancels, but later: after the timeout of the request in milliseconds.
 */
export async function explained<T>(doing: Doing, timeout: number | undefined, run: () => Promise<T | null>): Promise<T> {
  const begun = performance.now()
  try {
    const result = await run()
    if (result === null) throw new UsherError([], words.NotAllowedError?.[doing])
    return result
  } catch (thrown) {
    if (isAborted(thrown) || !(thrown instanceof DOMException)) throw thrown
    const late = thrown.name === 'NotAllowedError' && timeout !== undefined && performance.now() - begun >= timeout
    throw new UsherError([], late ? timedOut : words[thrown.name]?.[doing] ?? thrown.message, { cause: thrown })
  }
}
