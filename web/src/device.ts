/** The program in a User-Agent header, as far as it can be recognized. */
export function device(userAgent: string | null | undefined): string {
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(userAgent ?? '')?.[1]
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(userAgent ?? '')?.[1]
  if (browser) return system ? `${browser} on ${system}` : browser
  return userAgent?.split('/')[0] ?? 'Unknown device'
}
