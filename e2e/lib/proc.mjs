// Processes, ports and folders of a test, all cleaned up when it ends, whatever way it ends.
import { spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { chmodSync, createWriteStream, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
export const isRoot = process.getuid?.() === 0
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

const cleanups = []
/** Runs `fn` when the program ends; the last one added runs first. */
export function atEnd(fn) {
  cleanups.push(fn)
}
let cleaned = false
export function cleanUp() {
  if (cleaned) return
  cleaned = true
  for (const fn of cleanups.reverse()) {
    try {
      fn()
    } catch (error) {
      console.error(`cleaning up: ${error.message}`)
    }
  }
}
process.on('exit', cleanUp)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))

/** A new folder, removed at the end (kept when KEEP=1). */
export function tempDir(name) {
  const dir = mkdtempSync(join(tmpdir(), `shouwen-${name}-`))
  chmodSync(dir, 0o755) // servers that run as another user must be able to walk in
  atEnd(() => {
    if (!process.env.KEEP) rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

const given = new Set()
/** A TCP port on the loopback address that nobody listens on. */
export async function freePort() {
  for (;;) {
    const port = await new Promise((done, fail) => {
      const server = createServer()
      server.once('error', fail)
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address()
        server.close(() => done(port))
      })
    })
    if (!given.has(port)) {
      given.add(port)
      return port
    }
  }
}

/** Runs to the end; throws with the output when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options })
  if (result.error) throw new Error(`${command}: ${result.error.message}`)
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${result.status ?? result.signal}\n${result.stdout}${result.stderr}`)
  return result.stdout
}

/** Whether a program can be found, looking also where Debian keeps servers. */
export function which(name, more = []) {
  for (const dir of [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', ...more]) {
    if (dir && existsSync(join(dir, name))) return join(dir, name)
  }
  return null
}

/** A long-running process with its output in a file. */
export function start(command, args, { log, env, cwd, user, onLine } = {}) {
  if (user && isRoot) [command, args] = ['runuser', ['-u', user, '--', command, ...args]]
  const child = spawn(command, args, { env: { ...process.env, ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const file = createWriteStream(log, { flags: 'a' })
  let rest = ''
  const take = (chunk) => {
    file.write(chunk)
    if (!onLine) return
    rest += chunk
    const lines = rest.split('\n')
    rest = lines.pop()
    lines.forEach((line) => onLine(line))
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const state = { pid: child.pid, child, log, ended: null }
  state.exited = new Promise((done) =>
    child.once('exit', (code, signal) => {
      state.ended = { code, signal }
      done(state.ended)
    }),
  )
  child.once('error', (error) => {
    state.ended = { code: null, signal: null, error }
  })
  const end = () => {
    if (!state.ended) child.kill('SIGKILL')
  }
  atEnd(end)
  state.stop = async (signal = 'SIGTERM', patience = 10_000) => {
    if (state.ended) return state.ended
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), patience)
    await state.exited
    clearTimeout(late)
    return state.ended
  }
  return state
}

/**
 * How long anything that must happen may take before a test gives up. Only a test that fails waits so long, so it is
 * meant for the slowest machine; how quick something is, is measured by `make bench`, never by a journey.
 */
export const PATIENCE = 180_000

/** Waits until `probe` returns something true; throws with `what` (and the end of a log) when it does not within [PATIENCE]. */
export async function until(what, probe, { timeout = PATIENCE, every = 50, process: proc } = {}) {
  const end = Date.now() + timeout
  let last
  for (;;) {
    try {
      const value = await probe()
      if (value) return value
      last = undefined
    } catch (error) {
      last = error
    }
    const dead = proc?.ended
    if (dead || Date.now() > end) {
      const tail = proc ? `\n--- ${proc.log}\n${tailOf(proc.log)}` : ''
      throw new Error(`${dead ? `the process ended (${JSON.stringify(dead)}) before` : `not within ${timeout} ms:`} ${what}${last ? ` (${last.message})` : ''}${tail}`)
    }
    await sleep(every)
  }
}

export function tailOf(file, lines = 40) {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-lines).join('\n') : '(no log)'
}

/** The newest folder `/base/<n>/bin`, as Debian lays out PostgreSQL. */
export function newest(base, tail) {
  if (!existsSync(base)) return null
  const versions = readdirSync(base).filter((v) => existsSync(join(base, v, tail))).sort((a, b) => Number(b) - Number(a))
  return versions.length ? join(base, versions[0], tail) : null
}

/** This process and everything below it: resident memory in MiB. */
export function residentMiB(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
