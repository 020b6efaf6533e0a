// A telecom complaint, from the letter to the archive: the fortieth of the hour makes a red warning, the network department gets a
// work order, three levels review the solution (one of them by the link in a letter), the customer confirms.
import { accessible } from '../lib/axe.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { openHouse } from '../lib/house.mjs'
import { linkIn } from '../lib/letters.mjs'
import { until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { addPerson } from '../lib/server.mjs'

export default async function telecom() {
  const house = await openHouse({ letters: false, more: ['zhou@shop.example', 'qian@shop.example', 'zhao@shop.example', 'liu@shop.example'] })
  const { server, admin } = house
  await admin.post('/packs', { shipped: 'telecom' })
  const net = await admin.post('/teams', { name: '网络部' })
  await addPerson(admin, server, { name: '周班长', email: 'zhou@shop.example', role: 'supervisor', reach: 'team', teams: [house.team.id] })
  await addPerson(admin, server, { name: '钱部长', email: 'qian@shop.example', role: 'department_lead', teams: [] })
  const liu = await addPerson(admin, server, { name: '刘网络', email: 'liu@shop.example', role: 'agent', teams: [net.id] })
  const browser = await startBrowser()
  const zhang = await openDesk(browser, server)
  const { page } = zhang
  const caseNow = (id) => admin.get(`/cases/${id}`)
  const dialog = (p = page) => p.getByRole('dialog')
  const settled = (p = page) => p.locator('h1').last().click()
  let complaint, order

  step('the letter of a customer without network is a case; it becomes a complaint about the network', async () => {
    await house.send('李雷', '小区断网两天了', '您好，我们小区从昨天起断网，家里老人无法联系。请今天修好，并减免费用。')
    complaint = await house.caseOf('小区断网两天了')
    const agent = house.agents.zhang.client
    await agent.put(`/cases/${complaint.case_id}/assignment`, { person_id: house.agents.zhang.person.id })
    await zhang.signIn('zhang@shop.example')
    await page.goto(`/desk/all_open/${complaint.case_id}`)
    await page.getByText('家里老人无法联系').first().waitFor()
    await settled()
    await page.keyboard.press('Control+k')
    await dialog().waitFor()
    await page.keyboard.type('更改类型')
    await page.locator('.option').filter({ hasText: '更改类型' }).first().waitFor()
    await page.keyboard.press('Enter')
    await dialog().getByText('投诉').first().waitFor()
    await page.keyboard.type('投诉')
    await page.keyboard.press('Enter')
    await until('it is a complaint', async () => (await caseNow(complaint.case_id)).type === 'complaint')
  })

  step('thirty-nine others within the hour, then this one is classified: the warning climbs to red and is a case of its own', async () => {
    for (let n = 0; n < 39; n++) await admin.post('/cases', { type: 'complaint', title: `断网 ${n + 1}`, text: '断网', fields: { category: 'network-outage', demand: '恢复网络' } })
    await house.agents.zhang.client.patch(`/cases/${complaint.case_id}`, { version: (await caseNow(complaint.case_id)).version, fields: { category: 'network-outage', demand: '今天修好并减免费用' } })
    const warning = await until('the warning is red', async () => (await admin.get('/warnings?state=open')).items.find((w) => w.threshold?.key === 'network-region-hour' || w.threshold === 'network-region-hour' ? w.grade === 'red' : false), { every: 500 })
    check(warning.count >= 40, 'it counts forty', warning)
    await until('it has a case', async () => (await admin.get(`/warnings/${warning.id}`)).case ?? (await admin.get(`/warnings/${warning.id}`)).case_id, { every: 300 })
    const desk = await openDesk(browser, server)
    await desk.signIn('zhao@shop.example')
    await desk.page.goto('/warnings')
    await desk.page.getByText('红色').first().waitFor()
    await desk.picture('telecom-warning')
    await accessible(desk.page, 'the warning centre')
    await house.manager.client.post(`/warnings/${warning.id}/answer`, { text: '网络部已派单抢修，统一口径：今晚 20 点前恢复。' })
    check(desk.problems.length === 0, 'no error in the warning centre', desk.problems.join('; '))
    await desk.close()
  })

  step('the network department gets a work order and finishes it', async () => {
    const agent = house.agents.zhang.client
    const now = await caseNow(complaint.case_id)
    if (now.stage === 'accepted') await agent.put(`/cases/${complaint.case_id}/stage`, { stage: 'handling' })
    await page.reload()
    await settled()
    await page.keyboard.press('w')
    await dialog().waitFor()
    await dialog().getByRole('button', { name: '交给' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('combobox', { name: '交给' }).waitFor()
    await page.keyboard.type('网络部')
    await page.keyboard.press('Enter')
    await dialog().getByLabel('要办什么').fill('恢复小区网络，告知原因')
    await dialog().getByLabel('标题').focus()
    await page.keyboard.press('Enter')
    order = await until('it waits', async () => (await caseNow(complaint.case_id)).waiting_for[0])
    same(order.team?.name, '网络部', 'whom it waits for')
    await liu.client.put(`/cases/${order.case_id}/assignment`, { person_id: liu.person.id })
    await liu.client.patch(`/cases/${order.case_id}`, { version: (await caseNow(order.case_id)).version, fields: { result: '光缆被挖断，已熔接恢复' } })
    const other = await openDesk(browser, server)
    await other.signIn('liu@shop.example')
    await other.page.goto(`/desk/team_open/${order.case_id}`)
    await other.page.getByText('这是子工单').waitFor()
    await settled(other.page)
    await other.page.keyboard.press('e')
    await until('the work order is archived', async () => (await caseNow(order.case_id)).status === 'closed')
    await other.close()
    await until('the complaint waits no more', async () => (await caseNow(complaint.case_id)).waiting_for.length === 0)
  })

  step('the solution goes to three levels: the team lead by keyboard, the department by the page, the manager by the link in the letter', async () => {
    const agent = house.agents.zhang.client
    await agent.patch(`/cases/${complaint.case_id}`, { version: (await caseNow(complaint.case_id)).version, fields: { solution: '光缆已修复；减免两天费用；登门致歉', cause: '施工挖断光缆', responsible: 'ours' } })
    await page.reload()
    await settled()
    await page.keyboard.press('v')
    await dialog().waitFor()
    await page.locator('.option').filter({ hasText: '方案审核' }).first().waitFor()
    await page.keyboard.type('方案审核')
    await page.keyboard.press('Enter')
    await until('it is in review', async () => (await caseNow(complaint.case_id)).stage === 'reviewing')
    const review = await until('the review waits for the team lead', async () => (await admin.get(`/cases/${complaint.case_id}/reviews`)).items?.[0] ?? (await admin.get(`/cases/${complaint.case_id}/reviews`))[0], { every: 200 })
    same(review.of, 3, 'levels')

    for (const [who, name] of [['zhou@shop.example', 'lead'], ['qian@shop.example', 'department']]) {
      const desk = await openDesk(browser, server)
      await desk.signIn(who)
      await desk.page.goto('/reviews')
      await desk.page.getByText('小区断网').first().waitFor()
      await desk.page.keyboard.press('j')
      await desk.page.getByText('光缆已修复').first().waitFor()
      await desk.picture(`telecom-review-${name}`)
      await accessible(desk.page, 'the review inbox')
      await desk.page.keyboard.press('a')
      await until('the step is done', async () => (await admin.get(`/reviews/${review.id}`)).step > (name === 'lead' ? 1 : 2))
      check(desk.problems.length === 0, 'no error on the page', desk.problems.join('; '))
      await desk.close()
    }
    const context = await browser.newContext({ baseURL: server.base, locale: 'zh-CN', javaScriptEnabled: false })
    const letter = await context.newPage()
    // The manager may have been asked at the second level, too; that letter's link decides nothing any more.
    const link = await until('the manager’s letter of the last level', async () => {
      const found = linkIn(house.host.mailbox('zhao@shop.example'), /\/r\/[0-9a-z]{40,}/i)
      if (!found) return null
      await letter.goto(found)
      return (await letter.getByRole('button', { name: /通过/ }).count()) > 0 && found
    }, { every: 400 })
    await letter.goto(link)
    same((await admin.get(`/reviews/${review.id}`)).state, 'open', 'looking decides nothing')
    await letter.screenshot({ path: 'e2e/out/telecom-review-link.png' })
    await letter.getByRole('button', { name: /通过/ }).first().click()
    await until('it is approved', async () => (await admin.get(`/reviews/${review.id}`)).state === 'approved')
    await letter.goto(link)
    check(!(await letter.getByRole('button', { name: /通过/ }).count()), 'a used link decides no more')
    await context.close()
    await until('the case goes on by itself', async () => (await caseNow(complaint.case_id)).stage === 'informing')
  })

  step('the customer is told, asked, confirms; the complaint is archived with everything in its timeline', async () => {
    const agent = house.agents.zhang.client
    const last = (await agent.all(`/cases/${complaint.case_id}/timeline`)).filter((i) => i.kind === 'message').at(-1)
    await agent.post(`/cases/${complaint.case_id}/messages`, { kind: 'reply', text: '您好，网络已恢复，已减免两天费用。', based_on: last.id, undo_seconds: 0 })
    await until('the answer is sent', async () => (await caseNow(complaint.case_id)).first_response_at)
    await page.reload()
    await settled()
    await page.keyboard.press('v')
    await dialog().waitFor()
    await page.locator('.option').filter({ hasText: '待回访确认' }).first().waitFor()
    await page.keyboard.type('待回访确认')
    await page.keyboard.press('Enter')
    await dialog().getByLabel('处理结果').waitFor()
    await dialog().getByLabel('处理结果').selectOption({ label: '已解决' })
    await dialog().getByLabel('原因').focus()
    await page.keyboard.press('Enter')
    await until('it is to be confirmed', async () => (await caseNow(complaint.case_id)).stage === 'callback')
    await page.locator('[data-layer]').waitFor({ state: 'detached' }).catch(() => {})
    await settled()
    await page.keyboard.press('y')
    await dialog().getByRole('button', { name: '发送链接' }).click()
    const link = await until('the letter with the link', () => linkIn(house.host.mailbox('li@customer.example'), /\/c\/[0-9a-z]{40,}/i), { every: 400 })
    const context = await browser.newContext({ baseURL: server.base, locale: 'zh-CN' })
    const customer = await context.newPage()
    await customer.goto(link)
    await customer.getByRole('button', { name: '已解决', exact: true }).click()
    await customer.getByText('已收到您的确认').waitFor()
    await context.close()
    await until('it is archived', async () => (await caseNow(complaint.case_id)).status === 'closed')
    await page.goto(`/case/${complaint.number}`)
    await page.getByText('已核实：客户确认').waitFor()
    await zhang.picture('telecom-archived')
    const told = new Set((await admin.all(`/cases/${complaint.case_id}/timeline`)).map((i) => i.type ?? i.event ?? i.kind))
    const missing = ['case.stage', 'case.child_opened', 'case.child_closed', 'review.requested', 'review.approved', 'case.verified', 'case.closed'].filter((kind) => !told.has(kind))
    check(missing.length === 0, 'the timeline tells of each step of the loop', { missing, told: [...told] })
    check(zhang.problems.length === 0, 'no error on the desk', zhang.problems.join('\n'))
  })

  return async (counts) => {
    if (counts.failed) {
      await zhang.picture('telecom-failed').catch(() => {})
      console.log(`       page: ${page.url()}\n${house.logs()}`)
    }
    await browser.close()
    await house.stop()
  }
}
