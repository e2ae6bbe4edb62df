// The Content Security Policy allows only style elements with the nonce of this page view. The editor
// creates style elements without one, so they get it when they are created.
const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce

if (nonce) {
  // The signature is deprecated because it also takes names that are not in HTML.
  /* eslint-disable @typescript-eslint/no-deprecated */
  const create = document.createElement.bind(document)
  document.createElement = (name: string, options?: ElementCreationOptions) => {
    const element = create(name, options)
    if (element instanceof HTMLStyleElement) element.nonce = nonce
    return element
  }
}
