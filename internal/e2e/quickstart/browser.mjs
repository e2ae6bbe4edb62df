// Signs in as ada and out again, with a page of docs/quickstart.md in a real browser. The arguments are the folder of
// the project and what makes the page: vite, relay or next.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer as createSocket } from 'node:net'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { chromium } from 'playwright-core'
import { createServer } from 'vite'
import relay from 'vite-plugin-relay'

const [root, kind] = process.argv.slice(2)

async function vite() {
  // As create-vite writes them.
  writeFileSync(join(root, 'index.html'), '<div id="root"></div><script type="module" src="/src/main.jsx"></script>')
  writeFileSync(join(root, 'src/main.jsx'), `
    import { StrictMode } from 'react'
    import { createRoot } from 'react-dom/client'
    import App from './App.jsx'
    createRoot(document.getElementById('root')).render(<StrictMode><App /></StrictMode>)
  `)
  const server = await createServer({
    root, configFile: false, logLevel: 'warn', plugins: [react(), ...kind === 'relay' ? [relay] : []],
    server: { host: 'localhost', port: 0, fs: { allow: ['../../../..'] } },
  })
  await server.listen()
  return { url: server.resolvedUrls.local[0], stop: () => server.close() }
}

async function next() {
  const socket = createSocket().listen(0, 'localhost')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  const server = spawn(process.execPath, [
    join(import.meta.dirname, 'node_modules/next/dist/bin/next'), 'dev', '--hostname', 'localhost', '--port', port,
  ], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' } })
  await new Promise((resolve, reject) => {
    server.once('exit', reject)
    server.stdout.on('data', (chunk) => { if (String(chunk).includes('Ready')) resolve() })
  })
  return { url: `http://localhost:${port}`, stop: () => server.kill() }
}

const { url, stop } = await (kind === 'next' ? next() : vite())
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH || '/usr/bin/chromium', args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})
try {
  const context = await browser.newContext()
  const page = await context.newPage()
  page.on('pageerror', (error) => console.log(error))
  page.on('console', (message) => console.log(message.text()))
  page.setDefaultTimeout(60_000)
  await page.goto(url)
  await page.getByLabel('User name').fill('ada')
  await page.getByLabel('Password').fill('four small green turtles')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Hello, ada').waitFor()
  if (kind === 'next') {
    await context.clearCookies({ name: 'access' }) // as when it has expired
  }
  await page.reload()
  await page.getByText('Hello, ada').waitFor()
  assert.ok((await context.cookies()).filter(({ name }) => !name.startsWith('__next')).every(({ httpOnly }) => httpOnly))
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Password').waitFor()
  await page.reload()
  await page.getByLabel('Password').waitFor()
} finally {
  await browser.close()
  await stop()
}
