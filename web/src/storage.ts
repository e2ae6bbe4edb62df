/**
 * Keeps the state of the editor while the tab is open. Variables and headers are left out, because they
 * can contain passwords and tokens.
 */
export const storage = {
  get length() {
    return sessionStorage.length
  },
  getItem: (key: string) => sessionStorage.getItem(key),
  removeItem: (key: string) => { sessionStorage.removeItem(key) },
  clear: () => { sessionStorage.clear() },
  setItem(key: string, value: string) {
    if (!/:(variables|headers)$/.test(key)) sessionStorage.setItem(key, withoutSecrets(value))
  },
}

function withoutSecrets(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value, (key, part: unknown) =>
      key === 'variables' || key === 'headers' ? null : part))
  } catch {
    return value // not JSON: a query, a width
  }
}
