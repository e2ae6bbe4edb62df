// Solves challenges as ALTCHA does. Argument: the address of the server of TestAltcha, whose key is known here.
import assert from 'node:assert/strict'
import { createChallenge, solveChallenge, verifySolution } from 'altcha-lib/v1'
import { chromium } from 'playwright-core'

const url = process.argv[2]
const hmacKey = 'k'.repeat(32)

const verify = async (solution) =>
  (await fetch(`${url}/verify`, { method: 'POST', body: JSON.stringify(solution) })).json()

/** Solves a challenge with the library. */
async function solve({ algorithm, challenge, maxnumber, salt, signature }) {
  const { number } = await solveChallenge(challenge, salt, algorithm, maxnumber).promise
  return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }))
}

// The library's challenge.
for (const number of [0, 7, 12_345]) {
  const expires = Math.floor(Date.now() / 1000) + 60
  const issued = await createChallenge({ hmacKey, number, maxnumber: 20_000, params: { expires, field: 'Mutation.login' } })
  assert.equal(await verify(await solve(issued)), true)
  const other = await createChallenge({ hmacKey, number, maxnumber: 20_000, params: { expires, field: 'Mutation.signup' } })
  assert.equal(await verify(await solve(other)), false)
  const old = await createChallenge({ hmacKey, number, maxnumber: 20_000, params: { expires: expires - 120, field: 'Mutation.login' } })
  assert.equal(await verify(await solve(old)), false)
}

// The widget, which solves a challenge of the server. The library verifies the same solution.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
})
try {
  const page = await browser.newPage()
  await page.goto(url)
  const began = Date.now()
  // As docs/clients.md describes.
  const solution = await page.evaluate(async () => {
    const widget = document.createElement('altcha-widget')
    widget.setAttribute('challengejson', await (await fetch('/challenge')).text())
    widget.setAttribute('auto', 'onload')
    return new Promise((resolve) => {
      widget.addEventListener('statechange', ({ detail }) => { if (detail.state === 'verified') resolve(detail.payload) })
      document.body.append(widget)
    })
  })
  console.log(`the widget tried ${JSON.parse(atob(solution)).number} numbers in ${Date.now() - began} ms`)
  assert.equal(await verify(solution), true)
  assert.equal(await verifySolution(solution, hmacKey), true)
  assert.equal(await verifySolution(solution, 'x'.repeat(32)), false)
  assert.equal(await verify(`${solution}=`), false)
} finally {
  await browser.close()
}
