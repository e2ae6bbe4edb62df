// What the server writes into the page. A page of another server, as that of `npm run dev`, has the placeholders.
const content = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name=usher-${name}]`)?.content ?? ''

/** The minimum length of a new password in characters. */
export const passwordMinLength = /^[1-9]\d*$/.test(content('password-min-length')) ? Number(content('password-min-length')) : undefined

/** Whether the server rejects documents that are not trusted, except from administrators. */
export const onlyTrusted = content('trusted-documents') === 'only'

/** Whether the server keeps mails in a mailbox instead of sending them. */
export const hasMailbox = content('mailbox') === 'here'

/** Whether the server has mail, sent or kept. */
export const hasMail = content('mail') === 'on'

/** The domain that passkeys belong to. Empty if the server has no passkeys. */
export const passkeyDomain = content('passkeys')

/**
 * Whether this browser can use passkeys on this page: it is on the domain of the passkeys, and the browser reads the server's options.
 * Browsers before 2025 do not.
 */
export const hasPasskeys = passkeyDomain !== '' &&
  `.${location.hostname}`.endsWith(`.${passkeyDomain}`) &&
  'PublicKeyCredential' in window &&
  'parseCreationOptionsFromJSON' in PublicKeyCredential

/** The rule for the length of a new password, as the beginning of a hint. */
export const passwordLengthHint = passwordMinLength ? `At least ${String(passwordMinLength)} characters. ` : ''
