import { UsherError } from 'usher-client'

/** Loads what asks browsers for passkeys. It is not part of the page, because most visits do not need it. */
export async function loadPasskeys() {
  try {
    return await import('./ceremony')
  } catch {
    throw new UsherError([], 'A part of this page could not be loaded. Reload the page.')
  }
}
