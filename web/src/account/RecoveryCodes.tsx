import { CopyButton } from '../components/CopyButton'

/** What a part of the view that makes recovery codes gets: the codes that it shows, and what keeps new ones in their place. */
export interface CodesProps {
  codes: string[] | undefined
  keep: (codes: string[] | undefined) => void
}

/** New recovery codes, which nothing shows again. */
export function RecoveryCodes({ codes, close }: { codes: string[]; close: () => void }) {
  return (
    <div className="part banner recovery-codes">
      <h3>Your recovery codes</h3>
      <p role="status">
        Print them or write them down now. They are not shown again. If you lose your app or passkey, enter one of them after
        your password. Each works once.
      </p>
      <ul>{codes.map((code) => <li key={code}><code>{code}</code></li>)}</ul>
      <div className="buttons">
        <button type="button" className="primary" onClick={() => { print() }}>Print</button>
        <CopyButton label="recovery codes" text={codes.join('\n')} />
        <button type="button" onClick={close}>I have kept them</button>
      </div>
    </div>
  )
}
