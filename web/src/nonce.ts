// The Content Security Policy lets only those style elements in that bear the nonce of this page
// view. The editor makes style elements and knows of no nonce, so they get it as they are made.
const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce

if (nonce) {
  // The signature is deprecated because it also takes names that HTML does not have.
  /* eslint-disable @typescript-eslint/no-deprecated */
  const create = document.createElement.bind(document)
  document.createElement = (name: string, options?: ElementCreationOptions) => {
    const element = create(name, options)
    if (element instanceof HTMLStyleElement) element.nonce = nonce
    return element
  }
}
