// What the server writes into the page. A page of another server, as that of `npm run dev`, has the placeholders.
const content = document.querySelector<HTMLMetaElement>('meta[name=usher-password-min-length]')?.content

/** The minimum length of a new password in characters. */
export const passwordMinLength = /^[1-9]\d*$/.test(content ?? '') ? Number(content) : undefined
