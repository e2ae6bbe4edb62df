/**
 * Mends the roles of GraphiQL's tabs. It makes each an ARIA tab with buttons in it, and what is in a
 * tab counts as text, so that screen readers miss the buttons. A list of buttons is what it is.
 * Returns how to stop.
 */
export function mendTabs(): () => void {
  const list = document.querySelector('.graphiql-tabs')
  if (!list) return () => undefined
  const mend = () => {
    list.setAttribute('role', 'list')
    for (const tab of list.children) {
      const selected = tab.getAttribute('aria-selected')
      if (selected === null) continue // it is mended, and did not change since
      tab.querySelector('button')?.setAttribute('aria-current', selected)
      tab.setAttribute('role', 'listitem')
      tab.removeAttribute('aria-selected')
    }
  }
  mend()
  const observer = new MutationObserver(mend)
  observer.observe(list, { childList: true, subtree: true, attributeFilter: ['aria-selected'] })
  return () => { observer.disconnect() }
}
