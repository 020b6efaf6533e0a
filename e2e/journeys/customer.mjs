// A customer: writes, is answered, is asked how it was; one click in the mail, a comment on a page without JavaScript.
import { openHouse, CUSTOMERS } from '../lib/house.mjs'
import { startBrowser, OUT } from '../lib/browser.mjs'
import { until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { join } from 'node:path'

export default async function customer() {
  const house = await openHouse({ letters: false })
  const browser = await startBrowser()
  const context = await browser.newContext({ javaScriptEnabled: false, locale: 'zh-CN', viewport: { width: 360, height: 740 } })
  const page = await context.newPage()
  const agent = house.agents.zhang.client
  let row, link
  // Customers are asked a minute after the closing, so that a reopened case asks nobody; a test does not wait for it.
  await house.admin.put('/voice/settings', { ...(await house.admin.get('/voice/settings')), delay_s: 0 })

  step('a case is answered and closed', async () => {
    await house.send('李雷', '耳机左边没有声音', '买了两周，左边没有声音了。')
    row = await house.caseOf('耳机左边')
    const last = (await agent.all(`/cases/${row.case_id}/timeline`)).find((i) => i.kind === 'message')
    await agent.post(`/cases/${row.case_id}/messages`, { kind: 'reply', text: '新的已经寄出。', based_on: last.id, undo_seconds: 0 })
    const codes = (await agent.get('/case-types'))[0].resolutions.map((r) => r.key)
    await agent.post(`/cases/${row.case_id}/closure`, { resolution: { code: codes[0] } })
  })

  step('the customer is asked, in one mail with one link for each answer', async () => {
    const mail = await until('the question arrives', () => host(CUSTOMERS.李雷).find((m) => /\/s\/[A-Za-z0-9_.~-]+/.test(m)), { every: 300 })
    link = /https?:\/\/[^\s"'<>]*\/s\/[A-Za-z0-9_.~-]+/.exec(mail)[0]
    check(/auto-submitted:\s*auto-generated/i.test(mail) || /Auto-Submitted/i.test(mail), 'marked as automatic', mail.slice(0, 600))
    check((mail.match(/score=\d/g) ?? []).length >= 5, 'five scores to click', String((mail.match(/score=\d/g) ?? []).length))
  })

  step('opening the link changes nothing: mail scanners open links, too', async () => {
    const response = await fetch(`${link}?score=5`)
    same(response.status, 200, 'status')
    const survey = await agent.get(`/cases/${row.case_id}/survey`)
    check(!survey?.answered_at && survey?.score == null, 'not answered yet', survey)
  })

  step('answers without JavaScript on a telephone, with a comment', async () => {
    await page.goto(`${link}?score=4`)
    await page.locator('textarea').fill('处理得很快，谢谢！')
    await page.screenshot({ path: join(OUT, 'survey.png') })
    check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth).catch(() => true), 'fits 360 px')
    await page.locator('button[type=submit], input[type=submit]').first().click()
    await page.waitForLoadState()
    const survey = await until('it is recorded', async () => {
      const s = await agent.get(`/cases/${row.case_id}/survey`)
      return s?.score === 4 && s
    })
    check(JSON.stringify(survey).includes('处理得很快'), 'with the comment', survey)
    await page.screenshot({ path: join(OUT, 'survey-done.png') })
  })

  step('one answer per question; a forged link answers nothing', async () => {
    await page.goto(`${link}?score=1`)
    const submit = page.locator('button[type=submit], input[type=submit]')
    if (await submit.count()) {
      await submit.first().click()
      await page.waitForLoadState()
    }
    same((await agent.get(`/cases/${row.case_id}/survey`)).score, 4, 'the first answer stands')
    const token = link.split('/s/')[1]
    const forged = await fetch(`${house.server.base}/s/${token.slice(0, -2)}${token.endsWith('A') ? 'BB' : 'AA'}`)
    check([400, 404, 410].includes(forged.status), 'forged', String(forged.status))
  })

  step('the manager sees it in the indicators', async () => {
    const today = new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10)
    await until('satisfaction is counted', async () => {
      const board = await house.manager.client.get(`/insight/board?from=${today}&to=${today}`)
      const csat = board.tiles.find((t) => t.indicator === 'csat')
      const rate = board.tiles.find((t) => t.indicator === 'csat_response_rate')
      return csat?.denominator === 1 && rate?.numerator === 1
    }, { every: 500 })
  })

  const host = (address) => house.host.mailbox(address).map(decode)
  return async (counts) => {
    if (counts.failed) console.log(house.logs())
    await browser.close()
    await house.stop()
  }
}

/** A raw message with every encoded part read. */
function decode(raw) {
  const quoted = raw.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
  const base64 = raw.split(/\r?\n\r?\n/).map((part) => part.split(/\r?\n--/)[0].replace(/\s/g, '')).filter((p) => /^[A-Za-z0-9+/=]{8,}$/.test(p)).map((p) => Buffer.from(p, 'base64').toString('utf8'))
  return [quoted, ...base64].join('\n')
}
