// Friday evening: a manager changes the calendar in the browser while ten thousand clocks run. Every one is planned anew,
// none is missed; an oracle of its own says when each is due.
import { mkdirSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { startServer, setUp, addPerson, BINARY } from '../lib/server.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { startPostgres } from '../lib/postgres.mjs'
import { compose } from '../lib/smtp.mjs'
import { tempDir, until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'

const CASES = Number(process.env.CASES ?? 5_000)
const SHOP = 'service@shop.example'
const HOUR = 3600_000
const ZONE = 8 * HOUR // Asia/Shanghai keeps no summer time.
const OFFICE = [[9, 12], [13.5, 18]]

/** Working time by hand, minute arithmetic without the engine: `budget` milliseconds after `start`, `closed` a day without work. */
function due(start, budget, closed = '') {
  let left = budget
  for (let midnight = Math.floor((start + ZONE) / (24 * HOUR)) * 24 * HOUR - ZONE; ; midnight += 24 * HOUR) {
    const local = new Date(midnight + ZONE)
    if ([0, 6].includes(local.getUTCDay()) || local.toISOString().slice(0, 10) === closed) continue
    for (const [from, to] of OFFICE) {
      const [a, b] = [Math.max(midnight + from * HOUR, start), midnight + to * HOUR]
      if (b <= a) continue
      if (left <= b - a) return a + left
      left -= b - a
    }
  }
}

export default async function friday() {
  const browser = await startBrowser()
  const database = process.env.DATABASE === 'postgres' ? (await startPostgres()).url : undefined
  const server = await startServer({ database })
  const admin = await setUp(server)
  const manager = await addPerson(admin, server, { name: '赵经理', email: 'zhao@shop.example', role: 'manager', teams: [] })
  let calendar, closed, before

  const running = async () => {
    const rows = await admin.all('/desk/cases?view=all_open')
    const clocks = new Map()
    const lane = async () => {
      for (let row; (row = rows.pop()); ) {
        for (const clock of await admin.get(`/cases/${row.case_id}/clocks`)) if (clock.due_at && clock.state !== 'met') clocks.set(`${row.case_id} ${clock.clock ?? clock.kind}`, clock)
      }
    }
    await Promise.all([lane(), lane(), lane(), lane()])
    return clocks
  }

  step('the office calendar has no public holidays to think of, so that the oracle may be simple', async () => {
    calendar = (await admin.get('/calendars')).find((c) => c.key === 'office')
    calendar = await admin.patch(`/calendars/${calendar.id}`, { holidays: [], version: calendar.version })
    same(calendar.holidays, [], 'no holidays')
  })

  step(`${CASES} letters become cases, each with its clocks running`, async () => {
    const nowhere = { host: 'mail.shop.example', tls: 'tls', auth: 'password', user: SHOP, password: 'x' }
    await admin.post('/inboxes', { name: '售后', address: SHOP, kind: 'email', active: false, incoming: { protocol: 'imap', port: 993, folder: 'INBOX', ...nowhere }, outgoing: { port: 465, ...nowhere } })
    await server.stop()
    const folder = join(tempDir('mails'), 'Maildir')
    for (const d of ['new', 'cur', 'tmp']) mkdirSync(join(folder, d), { recursive: true })
    for (let n = 0; n < CASES; n++) writeFileSync(join(folder, 'new', `${n}.friday`), compose({ from: `c${n}@customer.example`, to: SHOP, subject: `第${n}件事`, text: '请在周末之前答复。' }))
    const result = spawnSync(BINARY, ['import', 'mail', folder, '--inbox', SHOP, '--data', server.dir, '--json', ...(database ? ['--database', database] : [])], { encoding: 'utf8', maxBuffer: 64 << 20 })
    same(result.status, 0, `the import ends well: ${result.stderr.slice(-300)}`)
    await server.again()
    before = await running()
    same(before.size, 2 * CASES, 'two clocks a case')
    for (const [key, clock] of before) same(Date.parse(clock.due_at), Math.floor(due(Date.parse(clock.started_at), clock.target_s * 1000)), `${key} is due when the oracle says`)
  })

  step('the manager closes the next working day in the browser; every clock is planned anew', async () => {
    closed = new Date(due(Date.now(), 1) + ZONE).toISOString().slice(0, 10)
    const desk = await openDesk(browser, server)
    await desk.signIn(manager.person.email)
    await desk.page.goto('/settings/calendars')
    await desk.picture('friday-calendars')
    await desk.page.getByText(calendar.name).first().click()
    await desk.page.getByRole('button', { name: /添加日期|添加特殊日|添加/ }).last().click()
    await desk.page.locator('input[type=date]').last().fill(closed)
    await desk.picture('friday-calendar')
    const saved = desk.page.waitForResponse((r) => r.url().includes('/calendars/') && r.request().method() === 'PATCH')
    await desk.page.getByRole('button', { name: '保存' }).click()
    const answer = await saved
    const began = performance.now()
    check(answer.ok(), 'it is saved', await answer.text())
    // The last case of the list is planned anew in its turn like the first; the whole is looked at below.
    const rows = await admin.all('/desk/cases?view=all_open')
    let wrong = rows.map((r) => r.case_id)
    await until('every list row knows', async () => {
      const now = new Map((await admin.all('/desk/cases?view=all_open')).map((r) => [r.case_id, r.clock.due_at]))
      wrong = wrong.filter((id) => Date.parse(now.get(id)) <= Date.parse(`${closed}T16:00:00Z`))
      return wrong.length === 0
    }, { every: 250 })
    console.log(`       planned anew and shown in every list after ${Math.round(performance.now() - began)} ms, the reading of the lists included (the budget is measured by make bench)`)
    const after = await running()
    same(after.size, before.size, 'no clock is gone')
    let missed = 0
    for (const clock of after.values()) if (Date.parse(clock.due_at) !== Math.floor(due(Date.parse(clock.started_at), clock.target_s * 1000, closed))) missed++
    same(missed, 0, 'clocks that stand where the oracle says they must not')
    check(desk.problems.length === 0, 'no error on the page', desk.problems.join('\n'))
    await desk.close()
  })

  step('a restart in the middle of another change plans what is left', async () => {
    const current = (await admin.get('/calendars')).find((c) => c.key === 'office')
    await admin.patch(`/calendars/${current.id}`, { days: {}, version: current.version })
    await server.kill()
    await server.again()
    await until('every clock is back', async () => {
      for (const clock of (await running()).values()) if (Date.parse(clock.due_at) !== Math.floor(due(Date.parse(clock.started_at), clock.target_s * 1000))) return false
      return true
    }, { every: 500 })
  })

  return async (counts) => {
    if (counts.failed) console.log(server.logText())
    await browser.close()
    await server.stop()
  }
}
