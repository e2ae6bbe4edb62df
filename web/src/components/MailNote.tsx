import { hasMailbox } from '../page'
import { href } from '../route'

/** Says where mail is if the server does not send it. */
export function MailNote() {
  return hasMailbox ? <p className="hint">This server keeps its mail in the <a href={href('mailbox')}>mailbox</a>.</p> : null
}
