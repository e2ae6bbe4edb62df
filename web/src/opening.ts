// Opens starters in the editor. The editor loads late, so a starter waits for it here.
import { href, navigate } from './route'
import type { Starter } from './starters'

let waiting: Starter | undefined
let deliver: (() => void) | undefined

/** Shows the editor and opens a starter in it. */
export function openInEditor(starter: Starter) {
  waiting = starter
  navigate(href('editor'))
  deliver?.()
}

/** Calls open for the starter that waits and for later ones. Returns how to stop. */
export function onOpen(open: (starter: Starter) => void): () => void {
  deliver = () => {
    if (waiting) open(waiting)
    waiting = undefined
  }
  deliver()
  return () => { deliver = undefined }
}
