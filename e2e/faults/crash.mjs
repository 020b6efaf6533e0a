#!/usr/bin/env node
// crash.mjs [--kills N] [--seed S] [--writers W] [--database postgres]: kills the server at random moments under load and compares
// what it acknowledged with what it has. The ledger is ours: a line is written when the 2xx is in our hands, never before.
//   lost    = acknowledged and not there
//   doubled = one idempotency key, two effects
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { PATIENCE, cleanUp, sleep, tempDir, until } from '../lib/proc.mjs'
import { startPostgres } from '../lib/postgres.mjs'
import { setUp, signIn, startServer, ADMIN } from '../lib/server.mjs'
import { Skip } from '../lib/runner.mjs'

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`)
  return at > 0 ? process.argv[at + 1] : fallback
}
const KILLS = Number(option('kills', 100))
const WRITERS = Number(option('writers', 8))
let seed = Number(option('seed', Date.now() % 1e9))
const random = () => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff), seed / 0x7fffffff)
console.log(`\n== crash: ${KILLS} kills, ${WRITERS} writers, seed ${seed}, ${option('database', 'sqlite')}`)

const ledgerFile = join(tempDir('ledger'), 'ledger.jsonl')
writeFileSync(ledgerFile, '')
const ledger = [] // { kind, key, id, parent }
const record = (entry) => {
  ledger.push(entry)
  appendFileSync(ledgerFile, `${JSON.stringify(entry)}\n`)
}

let failed = false
try {
  const database = option('database') === 'postgres' ? (await startPostgres({ durable: true })).url : undefined
  const server = await startServer({ database, env: { SHOUWEN_LOG: 'warn' } })
  const admin = await setUp(server)
  let running = true
  let up = true
  const counts = { sent: 0, acknowledged: 0, retried: 0, refused: {} }

  // A writer opens cases and writes notes into its own, one after another; what got no answer is sent again with the same key.
  const writer = async (w) => {
    let mine = null
    for (let n = 0; running; n++) {
      const key = randomUUID()
      const note = mine && n % 3 !== 0
      const path = note ? `/cases/${mine}/messages` : '/cases'
      const body = note ? { kind: 'note', text: `note ${key}`, based_on: null } : { title: `case ${key}`, text: `text ${key}` }
      for (const begun = Date.now(); ; ) {
        if (!up) await until('up', () => up || !running, { every: 10 })
        counts.sent += 1
        try {
          const answer = await admin.request('POST', path, { body, headers: { 'idempotency-key': key } })
          const id = note ? answer.message.id : (answer.case?.id ?? answer.id)
          record({ kind: note ? 'note' : 'case', key, id, parent: note ? mine : null })
          counts.acknowledged += 1
          if (!note) mine = id
          break
        } catch (error) {
          // 409: the first try is still at work, or died while it was; the newest-message check of a note cannot apply here.
          const again = error.status === undefined || error.status === 503 || error.status === 429 || error.code === 'idempotency.running' || (error.status === 409 && !error.detail)
          if (!again) {
            counts.refused[error.code ?? error.status] = (counts.refused[error.code ?? error.status] ?? 0) + 1
            if (counts.refused[error.code ?? error.status] === 1) console.log(`       refused: ${error.message.slice(0, 300)}`)
            break
          }
          counts.retried += 1
          if (Date.now() - begun > 2 * PATIENCE) throw new Error(`${path}: no answer within ${2 * PATIENCE} ms (${error.message})`)
          await sleep(20 + 30 * random())
        }
      }
    }
  }
  const writers = Array.from({ length: WRITERS }, (_, w) => writer(w))
  const slowest = { ready: 0 }
  for (let k = 0; k < KILLS; k++) {
    await sleep(200 + random() * 1_800)
    up = false
    await server.kill()
    await server.again()
    slowest.ready = Math.max(slowest.ready, server.startedIn)
    up = true
    if ((k + 1) % 10 === 0) console.log(`       ${k + 1} kills, ${counts.acknowledged} acknowledged, ${counts.retried} retries`)
  }
  await sleep(500)
  running = false
  await Promise.all(writers)
  // One more kill, so that what is counted has been through a recovery too.
  await server.kill()
  await server.again()

  const viewer = await signIn(server, ADMIN.email)
  await until('the projection has caught up', async () => (await viewer.all('/desk/cases?view=all_open', { limit: 200, most: 10_000_000 })).length >= ledger.filter((e) => e.kind === 'case').length, { every: 1_000 }).catch(() => {})
  const listed = await viewer.all('/desk/cases?view=all_open', { limit: 200, most: 10_000_000 })
  const titles = new Map()
  for (const row of listed) titles.set(row.title, (titles.get(row.title) ?? 0) + 1)
  let lost = 0
  let doubled = [...titles.values()].filter((n) => n > 1).length
  const lose = (what) => {
    lost += 1
    if (lost <= 10) console.log(`       LOST ${what}`)
  }
  const cases = ledger.filter((e) => e.kind === 'case')
  for (const entry of cases) if (!titles.has(`case ${entry.key}`)) lose(`case ${entry.id} ${entry.key} (not in the list)`)
  // Notes, case by case, from the case itself.
  const notes = new Map()
  for (const entry of ledger.filter((e) => e.kind === 'note')) notes.set(entry.parent, [...(notes.get(entry.parent) ?? []), entry])
  const queue = cases.map((c) => c.id)
  const reader = async () => {
    for (let id; (id = queue.pop()); ) {
      const items = await viewer.all(`/cases/${id}/timeline`).catch((error) => (error.status === 404 ? lose(`case ${id} (404)`) : Promise.reject(error)))
      if (!items) continue
      const found = new Map()
      for (const item of items) if (item.kind === 'message' && item.direction === 'note') found.set(item.text.trim(), (found.get(item.text.trim()) ?? 0) + 1)
      for (const entry of notes.get(id) ?? []) if (!found.has(`note ${entry.key}`)) lose(`note ${entry.id} of ${id}`)
      for (const [text, n] of found) if (n > 1) (doubled += n - 1) && console.log(`       DOUBLED ${text}`)
    }
  }
  await Promise.all([reader(), reader(), reader(), reader()])
  const broken = Object.keys(counts.refused).length > 0
  failed = lost > 0 || doubled > 0 || counts.acknowledged === 0 || broken
  console.log(`       ${KILLS + 1} kills, ${counts.acknowledged} acknowledged (${cases.length} cases, ${counts.acknowledged - cases.length} notes), ${counts.retried} retries, slowest start ${Math.round(slowest.ready)} ms`)
  console.log(`       lost ${lost}, doubled ${doubled}, refused ${JSON.stringify(counts.refused)}`)
  if (lost || doubled) console.log(`       seed and ledger: ${ledgerFile}`)
  await server.stop()
} catch (error) {
  if (error instanceof Skip) {
    console.log(` skip  ${error.message}\n\n0 passed, 0 failed, 1 skipped`)
    cleanUp()
    process.exit(0)
  }
  failed = true
  console.log(error.stack)
}
console.log(failed ? '\n0 passed, 1 failed, 0 skipped' : '\n1 passed, 0 failed, 0 skipped')
cleanUp()
process.exit(failed ? 1 : 0)
