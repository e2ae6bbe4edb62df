// The worker of solveInWorker. It is terminated when it has answered.
import { type Challenge, solveAtOnce } from './challenge.js'
import type { Solved } from './worker.js'

onmessage = ({ data }: MessageEvent<Challenge>) => {
  postMessage(solve(data))
}

function solve(challenge: Challenge): Solved {
  try {
    return { solution: solveAtOnce(challenge) }
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}
