import { Component, type ReactNode } from 'react'

import { LoadError } from '../view'

/** Shows a sentence and 'Reload' in place of children that failed to load or to render. */
export class Boundary extends Component<{ children: ReactNode }, { thrown?: Error }> {
  override state: { thrown?: Error } = {}

  static getDerivedStateFromError(thrown: Error) {
    return { thrown }
  }

  override render() {
    const { thrown } = this.state
    if (!thrown) return this.props.children
    return (
      <section className="view" role="alert">
        <h1>This page does not work</h1>
        {thrown instanceof LoadError
          ? <p>{thrown.message} Reload the page. If that does not help, the server may be in the middle of an upgrade.</p>
          : <p>An error in the console stopped this view. Reload the page. What you wrote in the editor is kept.</p>}
        <div className="buttons">
          <button type="button" className="primary" onClick={() => { location.reload() }}>Reload</button>
        </div>
        {!(thrown instanceof LoadError) && <p className="hint">To report it, quote: <code>{thrown.message}</code></p>}
      </section>
    )
  }
}
