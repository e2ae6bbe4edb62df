/**
 * Corrects the roles of GraphiQL's tabs. It makes each an ARIA tab that contains buttons, but the content
 * of a tab is presentational, so screen readers miss the buttons. This makes them a list of buttons.
 * Returns how to stop.
 */
export function fixTabRoles(): () => void {
  const list = document.querySelector('.graphiql-tabs')
  if (!list) return () => undefined
  const fix = () => {
    list.setAttribute('role', 'list')
    for (const tab of list.children) {
      const selected = tab.getAttribute('aria-selected')
      if (selected === null) continue // done before, and not changed since
      tab.querySelector('button')?.setAttribute('aria-current', selected)
      tab.setAttribute('role', 'listitem')
      tab.removeAttribute('aria-selected')
    }
  }
  fix()
  const observer = new MutationObserver(fix)
  observer.observe(list, { childList: true, subtree: true, attributeFilter: ['aria-selected'] })
  return () => { observer.disconnect() }
}
