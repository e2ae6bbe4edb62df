import { useEffect, useRef, useState } from 'react'

import { Dialog } from './components/Dialog'
import { Problem, useAction } from './components/Form'
import { collect, type Format, maxEvents, mediaTypes, nameOfFile, type Page, serialize } from './exportAudit'
import { save } from './save'

const formats: Record<Format, string> = { csv: 'CSV, for spreadsheets', ndjson: 'NDJSON, for programs' }

/** Exports the events that `read` reads, page by page, as a file. */
export function ExportAudit({ read, close }: { read: (after: string | null) => Promise<Page>; close: () => void }) {
  const { busy, problem, run } = useAction()
  const [format, setFormat] = useState<Format>('csv')
  const [status, setStatus] = useState('')
  const cancel = useRef<AbortController>(null)
  useEffect(() => () => { cancel.current?.abort() }, [])

  const start = async () => {
    const controller = new AbortController()
    cancel.current = controller
    setStatus('0 events so far')
    const progress = (count: number) => { setStatus(`${count.toLocaleString()} events so far`) }
    try {
      const { events, complete } = await collect(read, { progress, signal: controller.signal })
      if (events.length > 0) save(nameOfFile(events, format), new Blob([serialize(events, format)], { type: mediaTypes[format] }))
      setStatus(sentence(events.length, complete))
    } catch (thrown) {
      setStatus(controller.signal.aborted ? 'Cancelled. No file was saved.' : '')
      if (!controller.signal.aborted) throw thrown
    }
  }
  return (
    <Dialog title="Export" close={close}>
      <p>
        Saves the events that the filters match as a file, at most the newest {maxEvents.toLocaleString()}. Times are in UTC.
      </p>
      <fieldset className="plain" disabled={busy}>
        <legend>Format</legend>
        {Object.entries(formats).map(([value, words]) => (
          <label className="check" key={value}>
            <input type="radio" name="format" checked={value === format} onChange={() => { setFormat(value as Format) }} />
            {words}
          </label>
        ))}
      </fieldset>
      <p className="hint">
        In CSV, an apostrophe is added before text that a spreadsheet would run as a formula.
      </p>
      <Problem text={problem?.message} />
      {busy && <progress aria-label="Export" />}
      <p role="status">{status}</p>
      <div className="buttons">
        <button type="button" className="primary" disabled={busy} onClick={() => { void run(start) }}>Export</button>
        {busy && <button type="button" onClick={() => { cancel.current?.abort() }}>Cancel</button>}
      </div>
    </Dialog>
  )
}

function sentence(count: number, complete: boolean): string {
  if (count === 0) return 'No events match. No file was saved.'
  const saved = `Saved ${count.toLocaleString()} ${count === 1 ? 'event' : 'events'}.`
  return complete ? saved : `${saved} More events match. To export them, choose an earlier end date.`
}
