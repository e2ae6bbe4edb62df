/**
 * Keeps what the editor wants to remember for as long as the tab is open, without variables and headers:
 * passwords and tokens travel in them.
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
