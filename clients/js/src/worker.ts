// Proof of work in a Web Worker. It is not part of index.ts, because not every bundler knows import.meta.url.
import { type Challenge, solveChallenge, type SolveOptions } from './challenge.js'

/**
 * Solves a challenge in a Web Worker, so that the page stays smooth. Without workers, or if the page's policy forbids
 * this one, it solves the challenge in the page.
 */
export async function solveInWorker(challenge: Challenge, options: SolveOptions = {}): Promise<string> {
  options.signal?.throwIfAborted()
  const worker = start()
  if (!worker) return solveChallenge(challenge, options)
  try {
    return await ask(worker, challenge, options)
  } catch (thrown) {
    if (thrown !== broken) throw thrown
    return await solveChallenge(challenge, options)
  } finally {
    worker.terminate()
  }
}

function start(): Worker | undefined {
  try {
    return new Worker(new URL('./solver.js', import.meta.url), { type: 'module' })
  } catch {
    return undefined
  }
}

/** The answer of the worker: the solution or an error. */
export type Solved = { readonly solution: string } | { readonly problem: string }

const broken = new Error('The worker does not run.')

function ask(worker: Worker, challenge: Challenge, { signal }: SolveOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener('abort', () => { reject(signal.reason as Error) }, { once: true })
    worker.onerror = (event) => {
      event.preventDefault() // the browser would report it, and the page goes on without the worker
      reject(broken)
    }
    worker.onmessage = ({ data }: MessageEvent<Solved>) => {
      if ('solution' in data) resolve(data.solution)
      else reject(new Error(data.problem))
    }
    worker.postMessage(challenge)
  })
}
