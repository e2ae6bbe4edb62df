// What the editor is asked to show. The editor loads late, so the wish waits for it here.
import type { Starter } from './starters'

let wish: Starter | undefined
let wake: (() => void) | undefined

/** Asks for a starter in the editor, and goes there. */
export function openInEditor(starter: Starter) {
  wish = starter
  location.hash = '#/editor'
  wake?.()
}

/** Takes wishes from now on, and the one that waits. Returns how to stop. */
export function takeWishes(take: (starter: Starter) => void): () => void {
  wake = () => {
    if (wish) take(wish)
    wish = undefined
  }
  wake()
  return () => { wake = undefined }
}
