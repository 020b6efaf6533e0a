// A manager: the first set-up in the browser, the settings, the board with figures that lead to their cases.
import { Client, refused } from '../lib/api.mjs'
import { openHouse } from '../lib/house.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { ADMIN, PASSWORD, oneTimeCode, startServer } from '../lib/server.mjs'
import { until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'

export default async function manager() {
  const browser = await startBrowser()
  const fresh = await startServer()
  const wizard = await openDesk(browser, fresh)
  let house, desk, handled

  step('the set-up link leads through two steps to an empty desk that teaches', async () => {
    await wizard.page.goto(fresh.setupLink)
    await wizard.page.locator('input[maxlength="120"]').fill('示例商城')
    await wizard.page.locator('button[type=submit]').click()
    await wizard.page.locator('input[autocomplete=name]').fill(ADMIN.name)
    await wizard.page.locator('input[type=email]').fill(ADMIN.email)
    for (const field of await wizard.page.locator('input[type=password]').all()) await field.fill(PASSWORD)
    await wizard.picture('setup')
    await wizard.page.locator('button[type=submit]').click()
    // An administrator needs a second factor before anything else.
    const secret = await wizard.page.getByText(/^[A-Z2-7]{32}$/).first().textContent()
    await wizard.picture('second-factor')
    await wizard.page.locator('input').first().fill(oneTimeCode(secret.trim()))
    await wizard.page.locator('button[type=submit]').click()
    await wizard.page.getByText(/[a-z0-9]{4,}-[a-z0-9]{4,}/i).first().waitFor()
    await wizard.page.locator('button').last().waitFor()
    await wizard.page.locator('.acts button').last().click()
    await wizard.page.getByRole('navigation').first().waitFor()
    await wizard.page.goto('/desk/mine')
    await wizard.page.locator('.nav').waitFor()
    await wizard.picture('desk-empty')
    same((await new Client(fresh.base).get('/setup')).needed, false, 'set-up is done')
  })

  step('every settings page opens without an error', async () => {
    await wizard.page.goto('/settings')
    await wizard.page.locator('a[href^="/settings/"]').first().waitFor()
    const links = [...new Set(await wizard.page.locator('a[href^="/settings/"]').evaluateAll((all) => all.map((a) => a.getAttribute('href'))))]
    check(links.length >= 6, 'there are settings', links)
    for (const link of links) {
      await wizard.page.goto(link)
      await wizard.page.locator('h1, h2').first().waitFor()
      await wizard.page.waitForLoadState('networkidle')
    }
    console.log(`       ${links.length} pages: ${links.map((l) => l.slice(10)).join(' ')}`)
    check(wizard.problems.length === 0, 'no error', wizard.problems.join('\n'))
    await wizard.picture('settings')
    await wizard.close()
    await fresh.stop()
  }, { timeout: 120_000 })

  step('a day of work: five cases, three answered, two closed', async () => {
    house = await openHouse()
    const agent = house.agents.zhang.client
    const rows = (await house.cases()).slice(0, 3)
    for (const row of rows) {
      const last = (await agent.all(`/cases/${row.case_id}/timeline`)).filter((i) => i.kind === 'message').at(-1)
      await agent.post(`/cases/${row.case_id}/messages`, { kind: 'reply', text: '您好，已经在处理。', based_on: last.id, undo_seconds: 0 })
    }
    for (const row of rows.slice(0, 2)) await agent.post(`/cases/${row.case_id}/closure`, { resolution: { code: 'solved' } }).catch(async (error) => {
      const codes = (await agent.get('/case-types'))[0].resolutions.map((r) => r.key)
      if (!codes.length) throw error
      await agent.post(`/cases/${row.case_id}/closure`, { resolution: { code: codes[0] } })
    })
    handled = rows
  }, { timeout: 120_000 })

  const today = () => new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10)
  step('the board’s figures are those of the day and lead to their cases', async () => {
    const client = house.manager.client
    const board = await until('the board knows', async () => {
      const answer = await client.get(`/insight/board?from=${today()}&to=${today()}`)
      const tile = (key) => answer.tiles.find((t) => t.indicator === key)
      return tile('opened')?.value === 5 && tile('closed')?.value === 2 && answer
    }, { timeout: 30_000, every: 500 })
    for (const tile of board.tiles) {
      check('numerator' in tile && 'denominator' in tile, `${tile.indicator} keeps numerator and denominator`, tile)
      check(tile.denominator !== 0 || tile.value === null, `${tile.indicator} is null, not 0, where it is undefined`, tile)
    }
    const opened = await client.all(`/insight/cases?indicator=opened&part=numerator&from=${today()}&to=${today()}`)
    same(opened.length, 5, 'cases behind "opened"')
    const first = await client.all(`/insight/cases?indicator=first_response_median&part=numerator&from=${today()}&to=${today()}`)
    same(first.length, handled.length, 'cases behind the first response')
  }, { timeout: 60_000 })

  step('exports: CSV that a spreadsheet reads, XLSX that is one', async () => {
    for (const format of ['csv', 'xlsx']) {
      const response = await fetch(`${house.server.base}/api/v1/insight/export?format=${format}&table=board&from=${today()}&to=${today()}`, { headers: { cookie: [...house.manager.client.cookies].map(([k, v]) => `${k}=${v}`).join('; ') } })
      same(response.status, 200, format)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (format === 'csv') check(bytes.toString('utf8').split('\n').length > 3, 'rows', bytes.toString('utf8').slice(0, 200))
      else same(bytes.subarray(0, 2).toString(), 'PK', 'a zip container')
    }
  })

  step('the board in the browser', async () => {
    desk = await openDesk(browser, house.server)
    await desk.signIn('zhao@shop.example')
    await desk.page.goto('/board')
    await desk.page.locator('h1, h2').first().waitFor()
    await desk.page.waitForLoadState('networkidle')
    await desk.picture('board')
    check(desk.problems.length === 0, 'no error', desk.problems.join('\n'))
  })

  step('an agent may not: people, roles, audit, inboxes', async () => {
    const agent = house.agents.zhang.client
    for (const [method, path, body] of [['POST', '/people', { name: 'x', email: 'x@shop.example' }], ['POST', '/roles', { name: 'x', permissions: [] }], ['GET', '/audit'], ['POST', '/inboxes', { name: 'x' }], ['POST', '/webhooks', { url: 'https://x.example' }]]) {
      const error = await refused(agent.request(method, path, { body }))
      same(error.status, 403, `${method} ${path}`)
    }
  })

  return async (counts) => {
    if (counts.failed) {
      await (desk ?? wizard).picture('manager-failed').catch(() => {})
      console.log(`       ${[...wizard.problems, ...(desk?.problems ?? [])].join('\n       ')}`)
      if (house) console.log(house.logs())
    }
    await browser.close()
    await house?.stop()
    await fresh.stop()
  }
}
