// A test runner of forty lines: steps in order, because a journey is a story, and one total at the end.
import { cleanUp } from './proc.mjs'

const steps = []
const only = process.env.ONLY

/**
 * One step of a journey. A step that fails ends its journey, because what follows stands on it; unless `apart` says otherwise.
 * `timeout`: what ends a step that hangs, far beyond any wait inside it.
 */
export function step(name, fn, { timeout = 900_000, apart = false } = {}) {
  steps.push({ name, fn, timeout, apart })
}

/** Marks the journey as impossible here, loudly. */
export class Skip extends Error {}

/** Runs a journey's steps; answers the counts. */
export async function journey(name, define) {
  steps.length = 0
  const counts = { passed: 0, failed: 0, skipped: 0 }
  console.log(`\n== ${name}`)
  let after = async () => {}
  try {
    after = (await define()) ?? after
  } catch (error) {
    report(counts, error instanceof Skip ? 'skip' : 'FAIL', 'set-up', 0, error)
  }
  let broken = counts.failed + counts.skipped > 0
  for (const { name: stepName, fn, timeout, apart } of steps) {
    if (only && !new RegExp(only).test(stepName)) continue
    if (broken) {
      report(counts, 'skip', `${stepName} (after a failed step)`, 0)
      continue
    }
    const started = Date.now()
    let timer
    try {
      await Promise.race([fn(), new Promise((_, fail) => (timer = setTimeout(() => fail(new Error(`took more than ${timeout} ms`)), timeout)))])
      report(counts, 'ok', stepName, Date.now() - started)
    } catch (error) {
      report(counts, error instanceof Skip ? 'skip' : 'FAIL', stepName, Date.now() - started, error)
      broken = !(error instanceof Skip) && !apart
    } finally {
      clearTimeout(timer)
    }
  }
  await Promise.resolve(after(counts)).catch((error) => report(counts, 'FAIL', 'tear-down', 0, error))
  return counts
}

function report(counts, result, name, ms, error) {
  counts[{ ok: 'passed', FAIL: 'failed', skip: 'skipped' }[result]] += 1
  console.log(`${result.padStart(5)}  ${name}${ms ? `  (${ms} ms)` : ''}`)
  if (error) console.log(`       ${(result === 'FAIL' ? (error.stack ?? error) : error.message).toString().split('\n').join('\n       ')}`)
}

/** Prints the total and ends the program with what it means. */
export function finish(all) {
  const sum = (key) => all.reduce((n, c) => n + c[key], 0)
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
  cleanUp()
  process.exit(sum('failed') ? 1 : 0)
}

export function check(condition, message, detail) {
  if (!condition) throw new Error(detail === undefined ? message : `${message}: ${typeof detail === 'string' ? detail : JSON.stringify(detail)}`)
}
export function same(actual, expected, message) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${message}: got ${a}, expected ${b}`)
}
