#!/usr/bin/env node
// bench.mjs [--cases N] [--mails N] [--quick] [--only PART-OF-A-NAME]: the budgets of the product, measured from outside with the release binary.
// Prints a table: what, measured, budget, verdict. Generated data stays in --dir FOLDER for another run when that is given.
import { existsSync, readFileSync, statSync, mkdirSync, writeFileSync } from 'node:fs'
import { fork, spawnSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { ROOT, atEnd, cleanUp, residentMiB, sleep, tempDir, until } from '../lib/proc.mjs'

process.env.SHOUWEN_E2E_BINARY ??= join(ROOT, 'target/release/shouwen')
const { BINARY, setUp, startServer } = await import('../lib/server.mjs')
const { Client } = await import('../lib/api.mjs')
const { startPostgres } = await import('../lib/postgres.mjs')
const { compose } = await import('../lib/smtp.mjs')

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`)
  return at > 0 ? process.argv[at + 1] : fallback
}
const quick = process.argv.includes('--quick')
const CASES = Number(option('cases', quick ? 20_000 : 1_000_000))
const MAILS = Number(option('mails', quick ? 1_000 : 10_000))
const rows = []
const add = (what, measured, budget, ok) => {
  rows.push({ what, measured, budget, ok })
  console.log(`${ok === null ? '  —  ' : ok ? ' ok  ' : 'OVER '} ${what.padEnd(58)} ${String(measured).padEnd(34)} ${budget}`)
}
const missing = (what, why, budget) => add(what, `not measured: ${why}`, budget, null)
const attempt = async (what, budget, fn) => {
  if (!what.includes(option('only', ''))) return
  try {
    await fn()
  } catch (error) {
    missing(what, error.message.split('\n')[0].slice(0, 120), budget)
  }
}
const percentile = (times, p) => [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.ceil(times.length * p) - 1)]
const ms = (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`

/** Calls `fn` n times, `lanes` at once, after a warm-up; answers the times in ms. */
async function measure(fn, { n = 400, lanes = 2, warm = 20 } = {}) {
  for (let i = 0; i < warm; i++) await fn(i)
  const times = []
  let left = n
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (left-- > 0) {
      const began = performance.now()
      await fn(left)
      times.push(performance.now() - began)
    }
  }))
  return times
}

if (!existsSync(BINARY)) {
  console.error(`bench: there is no ${BINARY}; run: make release`)
  process.exit(1)
}
console.log(`Shouwen bench: ${cpus().length} × ${cpus()[0].model}, load ${loadavg().map((n) => n.toFixed(1)).join(' ')}, ${CASES} cases, ${MAILS} mails\n`)

const size = statSync(BINARY).size / 2 ** 20
add('release binary', `${size.toFixed(1)} MiB`, '≤ 60 MiB', size <= 60)

await attempt('desk, JavaScript and CSS of the first load, gzip', '≤ 250 KB', async () => {
  const dist = join(ROOT, 'web/dist')
  const html = readFileSync(join(dist, 'index.html'), 'utf8')
  const first = [...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((m) => m[1])
  const kb = first.reduce((sum, f) => sum + gzipSync(readFileSync(join(dist, f)), { level: 9 }).length / 1000, 0)
  add('desk, JavaScript and CSS of the first load, gzip', `${kb.toFixed(0)} KB`, '≤ 250 KB', kb <= 250)
})

await attempt('start to ready, empty', '≤ 500 ms', async () => {
  const times = []
  for (let i = 0; i < 5; i++) {
    const server = await startServer()
    times.push(server.startedIn)
    if (i === 4) {
      await setUp(server)
      await sleep(5_000)
      const rss = residentMiB(server.pid)
      add('resident memory idle, empty', `${rss.toFixed(0)} MiB`, '≤ 80 MiB', rss <= 80)
    }
    await server.stop()
  }
  // The first start makes the folder, the keys and the schema; it is the slowest of them all.
  add('start to ready, empty (slowest of five first starts)', ms(Math.max(...times)), '≤ 500 ms', Math.max(...times) <= 500)
})

/** MAILS new letters of as many customers, imported through to conversation, case, clocks and lists, every commit durable. */
async function intake(engine, budget, database) {
  const what = `mail → conversation and case, durable (import, ${engine})`
  await attempt(what, `≥ ${budget} /s`, async () => {
    const url = await database()
    const server = await startServer({ database: url })
    const admin = await setUp(server)
    const nowhere = { host: 'mail.shop.example', tls: 'tls', auth: 'password', user: 'service@shop.example', password: 'x' }
    await admin.post('/inboxes', { name: '售后', address: 'service@shop.example', kind: 'email', active: false, incoming: { protocol: 'imap', port: 993, folder: 'INBOX', ...nowhere }, outgoing: { port: 465, ...nowhere } })
    await server.stop()
    const folder = join(tempDir('mails'), 'Maildir')
    for (const d of ['new', 'cur', 'tmp']) mkdirSync(join(folder, d), { recursive: true })
    for (let n = 0; n < MAILS; n++) {
      writeFileSync(join(folder, 'new', `${n}.bench`), compose({ from: `客户${n} <c${n}@customer.example>`, to: 'service@shop.example', subject: `第${n}件事：订单什么时候发货`, text: `您好，订单 SF${1e9 + n} 三天没有更新，请帮忙看看。\r\n谢谢。`.repeat(4) }))
    }
    const began = performance.now()
    const result = spawnSync(BINARY, ['import', 'mail', folder, '--inbox', 'service@shop.example', '--data', server.dir, '--json', ...(url ? ['--database', url] : [])], { encoding: 'utf8', maxBuffer: 64 << 20 })
    const took = (performance.now() - began) / 1000
    if (result.status !== 0) throw new Error(`import ended with ${result.status}: ${result.stderr.slice(-300)}`)
    const { imported } = JSON.parse(result.stdout)
    if (imported !== MAILS) throw new Error(`${imported} of ${MAILS} mails became messages`)
    add(what, `${Math.round(MAILS / took)} /s (${MAILS} in ${took.toFixed(1)} s)`, `≥ ${budget} /s`, MAILS / took >= budget)
  })
}
await intake('SQLite', 500, async () => undefined)
await intake('PostgreSQL', 1_000, async () => (await startPostgres({ durable: true })).url)

await attempt(`${CASES} cases`, 'list, case p99 ≤ 20 ms; search ≤ 50 ms; board p95 ≤ 100 ms', async () => {
  const dir = option('dir') ?? tempDir('bench')
  const tokenFile = join(dir, 'bench-token')
  const first = await startServer({ dir, readyWithin: 120_000 })
  if (!existsSync(tokenFile)) writeFileSync(tokenFile, (await (await setUp(first)).post('/me/tokens', { name: 'bench' })).token)
  await first.stop()
  if (!existsSync(join(dir, 'generated'))) {
    const began = performance.now()
    const result = spawnSync(BINARY, ['bench', 'generate', '--cases', String(CASES), '--data', dir], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 << 20 })
    if (result.status !== 0) throw new Error(`shouwen bench generate ended with ${result.status}`)
    writeFileSync(join(dir, 'generated'), String(CASES))
    console.log(`       ${CASES} cases generated in ${((performance.now() - began) / 1000).toFixed(0)} s`)
  }
  const server = await startServer({ dir, readyWithin: 120_000 })
  add(`start to ready with ${CASES} cases`, ms(server.startedIn), '≤ 2 s', server.startedIn <= 2_000)
  const client = new Client(server.base, { token: readFileSync(tokenFile, 'utf8') })
  // Projections and the search index may still be catching up with what was generated.
  await until('the projections have caught up', async () => {
    return (await client.get('/desk/cases?view=all_open&limit=50')).items.length > 0
  }, { timeout: 600_000, every: 2_000 })
  await sleep(10_000)
  const rss = residentMiB(server.pid)
  add('resident memory idle, with data', `${rss.toFixed(0)} MiB`, '≤ 250 MiB', rss <= 250)
  const page = (after) => client.get(`/desk/cases?view=all_open&limit=50${after ? `&after=${encodeURIComponent(after)}` : ''}`)
  const some = []
  for (let after = null, n = 0; n < 10; n++) {
    const got = await page(after)
    some.push(...got.items)
    if (!(after = got.next)) break
  }
  const report = async (what, fn, p, budget) => {
    const times = await measure(fn)
    const value = percentile(times, p)
    add(`${what} p${p * 100}`, `${ms(value)} (p50 ${ms(percentile(times, 0.5))})`, `≤ ${budget} ms`, value <= budget)
  }
  await report('list of a view', () => page(), 0.99, 20)
  await report('one case', (i) => client.get(`/cases/${some[i % some.length].case_id}`), 0.99, 20)
  await report('one case’s timeline', (i) => client.get(`/cases/${some[i % some.length].case_id}/timeline`), 0.99, 20)
  const words = ['退款', '发票', '宽带', '退', 'refund', 'order', '物流', '没有收到', some[0]?.number ?? '1']
  await report('full-text search', (i) => client.get(`/search?q=${encodeURIComponent(words[i % words.length])}&limit=20`), 0.99, 50)
  const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)
  await report('board, 90 days', () => client.get(`/insight/board?from=${day(90)}&to=${day(0)}`), 0.95, 100)

  const times = []
  for (let n = 0; n < 10; n++) {
    const mark = `findable${Date.now()}${n}`
    await client.post('/cases', { title: `可搜索 ${mark}`, text: `正文 ${mark}` })
    const began = performance.now()
    await until('found', async () => (await client.get(`/search?q=${mark}&limit=5`)).cases.length > 0, { timeout: 10_000, every: 10 })
    times.push(performance.now() - began)
  }
  add('a new text is findable (slowest of ten)', ms(Math.max(...times)), '≤ 1 s', Math.max(...times) <= 1_000)
  await server.stop()
})

const SOCKETS = Number(option('sockets', quick ? 500 : 5_000))
/** One socket in so many is read as it comes and stamps its time; the others are held (see sockets.mjs for why and how). */
const SAMPLE_OF = 50
const PUSHES = 20

/** A process of sockets.mjs: `ask(what, more)` waits for its answer. */
function sockets(onFrame = () => {}) {
  const child = fork(join(ROOT, 'e2e/bench/sockets.mjs'))
  atEnd(() => child.kill('SIGKILL'))
  const waiting = new Map()
  let id = 0
  child.on('message', (message) => {
    if (message.frame) return onFrame(message)
    const { done, fail } = waiting.get(message.done)
    waiting.delete(message.done)
    if (message.error) fail(new Error(message.error))
    else done(message.answer)
  })
  return { ask: (what, more = {}) => new Promise((done, fail) => (waiting.set(++id, { done, fail }), child.send({ what, id, ...more }))) }
}

await attempt(`live push with ${SOCKETS} open sockets`, 'p95 ≤ 100 ms', async () => {
  const server = await startServer()
  const admin = await setUp(server)
  const position = (await admin.get('/session')).position
  let got = new Map()
  const [holder, reader] = [sockets(), sockets(({ frame, place, at }) => got.get(frame)?.has(place) || got.set(frame, (got.get(frame) ?? new Map()).set(place, at)))]
  const where = { base: server.base, path: `/api/v1/live?since=${encodeURIComponent(position)}`, cookies: [...admin.cookies] }
  await Promise.all([holder, reader].map((p) => p.ask('where', where)))
  for (let n = 0; n < SOCKETS; n += SAMPLE_OF) {
    await Promise.all([holder.ask('hold', { count: SAMPLE_OF - 1 }), reader.ask('read', { count: 1 })])
  }
  const sample = SOCKETS / SAMPLE_OF
  await holder.ask('drain', { mark: '"case.opened"', millis: 500 })
  const times = []
  for (let n = 0; n < PUSHES; n++) {
    got = new Map()
    // The clock starts before the request is sent; the first frame of this case on a socket ends it.
    const began = performance.timeOrigin + performance.now()
    const answer = await admin.post('/cases', { title: `live ${n}` })
    const id = answer.case?.id ?? answer.id
    await until('the sample has it', () => (got.get(id)?.size ?? 0) >= sample, { timeout: 10_000, every: 5 }).catch(() => {})
    times.push(...[...(got.get(id)?.values() ?? [])].map((at) => at - began))
    await sleep(400)
  }
  const rest = await holder.ask('drain', { mark: '"case.opened"', millis: 3_000 })
  const share = (times.length + rest.sum) / (PUSHES * SOCKETS)
  const p95 = percentile(times, 0.95)
  add(`live push with ${SOCKETS} open sockets p95`, `${ms(p95)} (p50 ${ms(percentile(times, 0.5))}, ${(share * 100).toFixed(1)} % arrived)`, '≤ 100 ms', p95 <= 100 && share >= 1)
  await Promise.all([holder, reader].map((p) => Promise.race([p.ask('end'), sleep(500)])))
  await server.stop()
})
const over = rows.filter((r) => r.ok === false)
console.log(`\n${rows.filter((r) => r.ok).length} within budget, ${over.length} over, ${rows.filter((r) => r.ok === null).length} not measured; load at the end ${loadavg()[0].toFixed(1)}`)
mkdirSync(join(ROOT, 'bench-results'), { recursive: true })
writeFileSync(join(ROOT, 'bench-results', 'budgets.json'), JSON.stringify({ at: new Date().toISOString(), cpus: cpus().length, model: cpus()[0].model, load: loadavg(), cases: CASES, rows }, null, 2))
cleanUp()
process.exit(over.length ? 1 : 0)
