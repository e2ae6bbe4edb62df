// The servers of a test besides Usher: of the page, built or not, and of a page that means harm.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const vite = (example, args, env) =>
  spawn(process.execPath, [join(example, 'node_modules/vite/bin/vite.js'), ...args], {
    cwd: example,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** Builds an example as a page that talks to a server of another origin. */
export async function build(example, usher, outDir) {
  const run = vite(example, ['build', '--logLevel', 'error', '--outDir', outDir], { VITE_USHER_URL: usher })
  const [code] = await once(run, 'exit')
  if (code !== 0) throw new Error(`vite build: ${code}`)
}

/** Serves a built example until the signal aborts, and returns its origin. By default the port is any free one. */
export async function preview(example, { usher = '', outDir = 'dist', port = '0', signal }) {
  const args = ['preview', '--host', '127.0.0.1', '--strictPort', '--port', port, '--outDir', outDir]
  const run = vite(example, args, { USHER_URL: usher, NO_COLOR: '1' })
  signal.addEventListener('abort', () => run.kill())
  for await (const line of createInterface({ input: run.stdout })) {
    const [origin] = line.match(/http:\/\/[\d.:]+/) ?? []
    if (origin) return origin
  }
  throw new Error('vite preview did not start')
}

/** Serves an empty page until the signal aborts, and returns its port. By default the port is any free one. */
export async function blank(signal, port = 0) {
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end('<!doctype html><link rel="icon" href="data:,"><title>Blank</title>')
  })
  signal.addEventListener('abort', () => server.close())
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return server.address().port
}
