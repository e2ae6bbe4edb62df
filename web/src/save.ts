/** Saves a file as the browser saves downloads. */
export function save(name: string, content: Blob) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  setTimeout(() => { URL.revokeObjectURL(link.href) }, 60_000) // the browser may read it later
}
