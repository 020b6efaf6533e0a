#!/usr/bin/env node
// mail.mjs [--mails N] [--seed S] [--database postgres]: puts N mails into three real mailboxes (IMAP marked as read, IMAP moved away,
// POP3 deleted) while connections are cut in the middle of a fetch, the mail server restarts, UIDVALIDITY changes and our server is
// killed. Afterwards every mail must be one case with one message.
//   lost    = placed and in no case (nor in quarantine)
//   doubled = placed once, there more than once
import { chownSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startMailHost } from '../lib/mailhost.mjs'
import { startPostgres } from '../lib/postgres.mjs'
import { cleanUp, sleep, until } from '../lib/proc.mjs'
import { Skip } from '../lib/runner.mjs'
import { compose, proxyTo } from '../lib/smtp.mjs'
import { setUp, startServer } from '../lib/server.mjs'

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`)
  return at > 0 ? process.argv[at + 1] : fallback
}
const MAILS = Number(option('mails', 1_000))
const SEED = Number(option('seed', Date.now() % 1e9))
let seed = SEED
const random = () => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff), seed / 0x7fffffff)
const below = (n) => Math.floor(random() * n)
const MAIL_ID = 8
/** Faults end after this long, so that a slow machine comes to an end as well. */
const MOST_FAULT_S = 1_800
const run = `f${seed.toString(36)}`
console.log(`\n== mail faults: ${MAILS} mails, seed ${SEED}, ${option('database', 'sqlite')}`)

const BOXES = [
  { address: 'seen@shop.example', share: 0.6, protocol: 'imap', after_fetch: 'seen' },
  { address: 'move@shop.example', share: 0.85, protocol: 'imap', after_fetch: 'move', move_to: 'Archive' },
  { address: 'pop@shop.example', share: 1, protocol: 'pop3', after_fetch: 'delete' },
]
const PARAGRAPH = '您好，上周买的路由器坏了，请尽快处理退款。The router I bought last week is broken, please refund it. '

function letter(i, to) {
  const kind = below(100)
  return compose({
    from: `Customer ${i} <c${i}@customer.example>`,
    to,
    subject: `${run}-${i}`,
    text: `${i}\r\n${PARAGRAPH.repeat(1 + below(kind < 80 ? 5 : 120))}`,
    html: kind % 3 === 0 ? `<p>${i} ${PARAGRAPH}</p><img src="https://tracker.example/${i}.png">` : undefined,
    ...(kind < 3 ? { messageId: null } : {}), // some mails have none
    ...(kind === 99 ? { headers: { 'X-Padding': 'x'.repeat(900) } } : {}),
  })
}

let failed = false
try {
  const database = option('database') === 'postgres' ? (await startPostgres({ durable: true })).url : undefined
  const host = await startMailHost({ users: BOXES.map((b) => b.address) })
  const proxies = { imap: await proxyTo(host.ports.imap), pop3: await proxyTo(host.ports.pop3) }
  const server = await startServer({ database, env: { SHOUWEN_LOG: 'warn' }, readyWithin: 120_000 })
  const admin = await setUp(server)
  const folder = (box, part) => join(host.dir, 'boxes', box, part)
  for (const box of BOXES) {
    for (const part of ['', 'tmp', 'new', 'cur']) {
      mkdirSync(folder(box.address, part), { recursive: true })
      chownSync(folder(box.address, part), MAIL_ID, MAIL_ID)
    }
    if (box.move_to) host.dovecot.doveadm('mailbox', 'create', '-u', box.address, box.move_to)
    const { protocol, after_fetch, move_to } = box
    await admin.post('/inboxes', {
      name: box.address, address: box.address, active: true,
      incoming: { protocol, host: 'localhost', port: proxies[protocol].port, tls: 'none', user: box.address, password: host.password, after_fetch, move_to, import_from: 'all', poll_seconds: 15 },
    })
  }

  const place = (box, name, raw) => {
    const from = join(folder(box, 'tmp'), name)
    writeFileSync(from, raw)
    chownSync(from, MAIL_ID, MAIL_ID)
    renameSync(from, join(folder(box, 'new'), name))
  }
  const faults = { cut: 0, 'cut all': 0, 'dead line': 0, 'mail server restarted': 0, UIDVALIDITY: 0, 'killed -9': 0, terminated: 0 }
  const began = Date.now()
  let placed = 0
  let copies = 0
  let placing = true

  // As fast as the mailboxes take them, with pauses, so that faults fall into every phase.
  const placer = (async () => {
    while (placed < MAILS) {
      for (let n = 0; n < 1 + below(200) && placed < MAILS; n++) {
        const i = placed++
        const at = random()
        const box = BOXES.find((b) => at < b.share).address
        const raw = letter(i, box)
        place(box, `${1_700_000_000 + i}.M${i}.test`, raw)
        if (below(100) === 0) {
          // The same bytes twice in one mailbox are one mail.
          place(box, `${1_700_000_000 + i}.C${i}.test`, raw)
          copies += 1
        }
      }
      await sleep(below(400))
    }
    placing = false
  })()

  const count = async () => {
    const rows = await admin.all('/desk/cases?view=all_open&sort=opened_at', { limit: 200, most: 10_000_000 })
    return rows.filter((r) => r.title.startsWith(`${run}-`))
  }
  const both = () => Object.values(proxies)
  const restart = async (how) => {
    await (how === 'killed -9' ? server.kill() : server.stop())
    // The session is in the database and outlives the process.
    await server.again()
  }
  const inflict = async () => {
    const dice = below(100)
    if (dice < 40) {
      // Somewhere inside what the server sends: greeting, login, list, or the middle of a mail. The trap stays until
      // something runs into it.
      const proxy = both()[below(4) ? 0 : 1]
      const before = proxy.cuts
      proxy.cutAfter = below(2) ? below(5_000) : below(400_000)
      for (let n = 0; n < 240 && proxy.cuts === before; n++) await sleep(50)
      proxy.cutAfter = Infinity
      faults.cut += 1
    } else if (dice < 65) {
      both().forEach((p) => p.cutAll())
      faults['cut all'] += 1
    } else if (dice < 75) {
      both().forEach((p) => ((p.dead = true), p.cutAll()))
      await sleep(500 + below(2_000))
      both().forEach((p) => (p.dead = false))
      faults['dead line'] += 1
    } else if (dice < 82) {
      await host.dovecot.stop()
      await sleep(below(1_500))
      await host.dovecot.start()
      faults['mail server restarted'] += 1
    } else if (dice < 87) {
      // The kept mailbox is read anew from its beginning: that only stays affordable while it is small.
      const small = placed < 10_000 || faults.UIDVALIDITY < 3
      const box = small ? BOXES[below(2)] : BOXES[1]
      host.dovecot.changeUidValidity(box.address, Math.floor(Date.now() / 1000) + 1_000 + faults.UIDVALIDITY)
      faults.UIDVALIDITY += 1
    } else {
      const how = dice < 97 ? 'killed -9' : 'terminated'
      await restart(how)
      faults[how] += 1
    }
  }
  let told = Date.now()
  const total = () => Object.values(faults).reduce((a, b) => a + b, 0)
  // Mails that lie on the mail server and were not taken over yet.
  const waiting = () =>
    BOXES.reduce((sum, { address, after_fetch }) => sum + readdirSync(folder(address, 'new')).length + readdirSync(folder(address, 'cur')).filter((f) => after_fetch !== 'seen' || !/:2,.*S/.test(f)).length, 0)
  // Faults go on after the last mail was placed: the backlog must be fetched, understood and made cases under fire too.
  const enough = Date.now() + MOST_FAULT_S * 1_000
  for (let after = 0; placing || after < 12 || total() < 40 || (waiting() > MAILS / 50 && Date.now() < enough); after += placing ? 0 : 1) {
    await sleep(100 + below(1_800))
    await inflict()
    if (Date.now() - told > 20_000) {
      told = Date.now()
      console.log(`       ${Math.round((told - began) / 1000)} s: ${placed} placed, ${waiting()} not fetched yet, ${total()} faults`)
    }
  }
  await placer
  both().forEach((p) => ((p.cutAfter = Infinity), (p.dead = false)))

  // What is counted has been through a kill.
  await restart('killed -9')
  let rows = []
  let still = 0
  await until('no more mail comes', async () => {
    const now = await count()
    still = now.length === rows.length ? still + 1 : 0
    if (now.length !== rows.length) console.log(`       ${Math.round((Date.now() - began) / 1000)} s: ${now.length} of ${MAILS} are cases`)
    rows = now
    // Longer than any wait between two tries.
    return rows.length >= MAILS ? still >= 2 : still >= 30
  }, { timeout: 3_600_000, every: 5_000 })

  const times = new Map()
  for (const row of rows) times.set(row.title, (times.get(row.title) ?? 0) + 1)
  const quarantined = await admin.all('/mail/quarantine')
  const hidden = new Set(quarantined.map((q) => q.subject_hint))
  let lost = 0
  let doubled = 0
  const show = (what) => lost + doubled <= 10 && console.log(`       ${what}`)
  for (let i = 0; i < MAILS; i++) {
    const title = `${run}-${i}`
    const n = times.get(title) ?? 0
    if (n === 0 && !hidden.has(title)) (lost += 1), show(`LOST ${title}`)
    if (n > 1) (doubled += n - 1), show(`DOUBLED ${title} (${n} cases)`)
  }
  const long = await admin.all(`/desk/cases?filter=${encodeURIComponent(JSON.stringify({ field: 'messages', op: 'gt', value: 1 }))}`, { most: 10_000_000 })
  for (const row of long.filter((r) => r.title.startsWith(`${run}-`))) (doubled += 1), show(`DOUBLED ${row.title} (more than one message)`)
  const seconds = Math.round((Date.now() - began) / 1000)
  console.log(`       ${MAILS} mails (and ${copies} byte-for-byte copies) in ${seconds} s through ${total() + 1} faults: ${Object.entries(faults).map(([k, n]) => `${k} ${n}`).join(', ')}; connections broken in the middle ${both().reduce((n, p) => n + p.cuts, 0)}`)
  console.log(`       ${rows.length} cases, ${quarantined.length} in quarantine; lost ${lost}, doubled ${doubled}`)
  failed = lost > 0 || doubled > 0 || quarantined.length > 0
  if (failed) console.log(`       seed ${SEED}\n${host.logs()}\n--- ${server.log}\n${server.logText()}`)
  await server.stop()
  await host.stop()
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
