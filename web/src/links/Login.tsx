import { useEffect, useState } from 'react'

import { nameOf } from '../Account'
import { Form, Problem } from '../components/Form'
import { Placeholder } from '../components/Placeholder'
import { href } from '../route'
import { useSession } from '../session'
import { findFlow, logInWithCode } from '../signin/loginCode'
import { SecondStep, useSteps } from '../signin/SecondStep'
import { Link, useLink } from './Link'
import { tokenOf } from './secret'

/** Signs in with a link in the browser that has asked for its mail. In others, it says where the code of the mail works. */
export function Login() {
  const token = tokenOf('login')
  const { viewer } = useSession()
  const { dead, redeem } = useLink()
  const steps = useSteps()
  const [flow, setFlow] = useState<string | null>() // null: another browser has asked
  const [done, setDone] = useState(false)
  useEffect(() => { void findFlow().then((found) => { setFlow(found ?? null) }) }, [])
  const again = <p><a href={href('')}>Sign in</a> in another way, or ask for another mail there.</p>
  const finish = () => {
    setDone(true)
    return Promise.resolve()
  }
  return (
    <Link title="Sign in by mail" token={token} dead={dead} again={again}>
      {done && viewer
        ? (
            <>
              <p role="status">You are signed in as <b>{nameOf(viewer.user)}</b>.</p>
              <p><a href={href('account')}>Go to your account</a></p>
            </>
          )
        : steps.second
          ? <SecondStep second={steps.second} right="The link is right." submit="Sign in" back={steps.back} done={finish} />
          : steps.ended !== undefined
            ? <><Problem text={steps.ended} />{again}</>
            : flow === undefined
              ? <Placeholder loading problem={undefined} lines={2} />
              : flow === null
                ? (
                    <p>
                      This link works only in the browser where you asked for it, while that page is open. Enter the code of the
                      mail on that page. It has six digits.
                    </p>
                  )
                : (
                    <>
                      <p>You asked for this mail in this browser.</p>
                      {viewer && <p>You are signed in as <b>{nameOf(viewer.user)}</b>. Signing in ends that session.</p>}
                      <Form
                        submit="Sign in"
                        fields={[]}
                        action={() => redeem(async () => {
                          if (await steps.begin(() => logInWithCode({ token, flow }))) await finish()
                        })}
                      />
                    </>
                  )}
    </Link>
  )
}
