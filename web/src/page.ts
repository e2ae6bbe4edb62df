// What the server writes into the page. A page of another server, as that of `npm run dev`, has the placeholders.
const content = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name=usher-${name}]`)?.content ?? ''

/** The minimum length of a new password in characters. */
export const passwordMinLength = /^[1-9]\d*$/.test(content('password-min-length')) ? Number(content('password-min-length')) : undefined

/** Whether the server rejects documents that are not trusted, except from administrators. */
export const onlyTrusted = content('trusted-documents') === 'only'

/** Whether the server keeps mails in a mailbox instead of sending them. */
export const hasMailbox = content('mailbox') === 'here'

/** The rule for the length of a new password, as the beginning of a hint. */
export const passwordLengthHint = passwordMinLength ? `At least ${String(passwordMinLength)} characters. ` : ''
