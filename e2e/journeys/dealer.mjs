// A car dealer takes a part back: the refund is above the limit and needs two approvals; a second one cannot wait, is paid in an
// emergency and written up afterwards; the customer signs for it.
import { accessible } from '../lib/axe.mjs'
import { refused } from '../lib/api.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { openHouse } from '../lib/house.mjs'
import { linkIn } from '../lib/letters.mjs'
import { until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { addPerson } from '../lib/server.mjs'

export default async function dealer() {
  const house = await openHouse({ letters: false, more: ['sun@shop.example', 'wu@shop.example'] })
  const { server, admin } = house
  await admin.post('/packs', { shipped: 'dealer' })
  const sun = await addPerson(admin, server, { name: '孙师傅', email: 'sun@shop.example', role: 'workshop_lead', teams: [house.team.id] })
  const wu = await addPerson(admin, server, { name: '吴总', email: 'wu@shop.example', role: 'dealer_manager', teams: [] })
  const browser = await startBrowser()
  const zhang = await openDesk(browser, server)
  const { page } = zhang
  const agent = house.agents.zhang.client
  const caseNow = (id) => admin.get(`/cases/${id}`)
  const edit = async (id, fields, client = agent) => client.patch(`/cases/${id}`, { version: (await caseNow(id)).version, fields })
  const dialog = (p = page) => p.getByRole('dialog')
  const reviewOf = async (id) => {
    const all = await admin.get(`/cases/${id}/reviews`)
    return (all.items ?? all)[0]
  }
  /** V, the stage by its name, Enter: as an agent does it. */
  const moveTo = async (stage, key, id) => {
    await page.locator('h1').last().click()
    await page.keyboard.press('v')
    await dialog().waitFor()
    await page.locator('.option').filter({ hasText: stage }).first().waitFor()
    await page.keyboard.type(stage)
    await page.keyboard.press('Enter')
    await until(`it stands in ${key}`, async () => (await caseNow(id)).stage === key)
    await page.locator('[data-layer]').waitFor({ state: 'detached' }).catch(() => {})
  }
  /** A case of the type by its letter, taken by the agent, ready to be decided. */
  const returned = async (subject, amount) => {
    await house.send('韩梅梅', subject, '您好，上周换的水泵漏水，要求退款，发票 F2026-118。')
    const row = await house.caseOf(subject)
    await agent.put(`/cases/${row.case_id}/assignment`, { person_id: house.agents.zhang.person.id })
    await agent.patch(`/cases/${row.case_id}`, { version: (await caseNow(row.case_id)).version, type: 'parts_return' })
    await edit(row.case_id, { part: '水泵 06H121026', invoice: 'F2026-118', reason: 'quality', received_on: '2026-11-20', finding: '泵体开裂，非人为', decision: 'refund', amount: { minor: amount, currency: 'CNY' } })
    return row
  }
  let pump

  step('the letter becomes the return of a part; its form asks for the amount once the decision is a refund', async () => {
    pump = await returned('水泵漏水要求退款', 380_000)
    await zhang.signIn('zhang@shop.example')
    await page.goto(`/desk/all_open/${pump.case_id}`)
    await page.locator('#case-form').getByLabel('退款金额').waitFor()
    const stage = (await caseNow(pump.case_id)).stage
    if (stage === 'accepted') await moveTo('检验中', 'inspecting', pump.case_id)
    await moveTo('方案与金额', 'deciding', pump.case_id)
    await zhang.picture('dealer-deciding')
  })

  step('3,800 yuan are above the limit of the workshop: the dialog says who will decide before it is sent', async () => {
    await page.getByRole('button', { name: '申请审批' }).click()
    await dialog().getByLabel('申请什么').selectOption({ label: '配件退款' })
    await dialog().getByLabel(/金额/).fill('3800')
    await dialog().getByText(/车间主管初审 → 总经理审批/).waitFor()
    await dialog().getByLabel('理由').fill('配件质量问题，客户要求全额退款')
    await zhang.picture('dealer-ask')
    await accessible(page, 'the dialog that asks for an approval')
    await dialog().getByRole('button', { name: '提交', exact: true }).click()
    const review = await until('it is asked for', () => reviewOf(pump.case_id))
    same([review.amount, review.of, review.state], [380_000, 2, 'open'], 'amount, steps, state')
    // Who asked may not decide, and the answer says so rather than that something is malformed.
    await refused(agent.post(`/reviews/${review.id}/decide`, { decision: 'approve', step: 1 }), 403)
    same((await admin.get(`/reviews/${review.id}`)).state, 'open', 'nothing was decided')
  })

  step('the workshop lead returns it with the reason, is asked again and approves; the general manager approves by the letter', async () => {
    const first = await reviewOf(pump.case_id)
    const desk = await openDesk(browser, server)
    await desk.signIn('sun@shop.example')
    await desk.page.goto(`/reviews/${first.id}`)
    await desk.page.getByText('¥3,800').first().waitFor()
    await desk.page.getByLabel('意见').fill('请补充检验照片')
    await desk.page.getByRole('button', { name: /^退回/ }).click()
    await until('it is returned', async () => (await admin.get(`/reviews/${first.id}`)).state === 'returned')
    const again = await agent.post('/reviews', { authority: 'parts_refund', amount: 380_000, case_id: pump.case_id, title: null, reason: '照片已补充', emergency: false })
    await desk.page.goto(`/reviews/${again.id}`)
    await desk.page.getByText('照片已补充').first().waitFor()
    await desk.page.locator('h1').first().click()
    await desk.page.keyboard.press('a')
    await until('the first step is done', async () => (await admin.get(`/reviews/${again.id}`)).step === 2)
    check(desk.problems.length === 0, 'no error on the page', desk.problems.join('; '))
    await desk.close()
    const link = await until('the manager’s letter', () => linkIn(house.host.mailbox('wu@shop.example'), /\/r\/[0-9a-z]{40,}/i), { every: 400 })
    const context = await browser.newContext({ baseURL: server.base, locale: 'zh-CN', javaScriptEnabled: false })
    const letter = await context.newPage()
    await letter.goto(link)
    await letter.screenshot({ path: 'e2e/out/dealer-review-link.png' })
    await letter.getByRole('button', { name: /通过/ }).first().click()
    await until('it is approved', async () => (await admin.get(`/reviews/${again.id}`)).state === 'approved')
    await context.close()
  })

  step('the customer signs on the public page; the return is archived', async () => {
    await page.goto(`/desk/all_open/${pump.case_id}`)
    await page.locator('#case-form').getByLabel('退款金额').waitFor()
    await moveTo('告知客户', 'informing', pump.case_id)
    await page.locator('h1').last().click()
    await page.keyboard.press('v')
    await dialog().waitFor()
    await page.locator('.option').filter({ hasText: '待客户签收' }).first().waitFor()
    await page.keyboard.type('待客户签收')
    await page.keyboard.press('Enter')
    await dialog().getByLabel('处理结果').waitFor()
    await dialog().getByLabel('处理结果').selectOption({ label: '已退款' })
    await dialog().getByLabel('原因').focus()
    await page.keyboard.press('Enter')
    await until('it is to be signed for', async () => (await caseNow(pump.case_id)).stage === 'confirming')
    await page.locator('[data-layer]').waitFor({ state: 'detached' }).catch(() => {})
    await page.locator('h1').last().click()
    await page.keyboard.press('y')
    await dialog().getByLabel('怎样核实').waitFor()
    const ways = await dialog().getByLabel('怎样核实').locator('option').allInnerTexts()
    const sign = ways.find((w) => /签/.test(w))
    check(sign, 'a signature can be asked for', ways)
    await dialog().getByLabel('怎样核实').selectOption({ label: sign })
    await dialog().getByRole('button', { name: '发送链接' }).click()
    const link = await until('the letter with the link', () => linkIn(house.host.mailbox('han@customer.example'), /\/c\/[0-9a-z]{40,}/i), { every: 400 })
    const context = await browser.newContext({ baseURL: server.base, locale: 'zh-CN' })
    const customer = await context.newPage()
    await customer.goto(link)
    await customer.locator('#name').fill('韩梅梅')
    const box = await customer.locator('#pad').boundingBox()
    await customer.mouse.move(box.x + 30, box.y + 40)
    await customer.mouse.down()
    for (let i = 0; i < 20; i++) await customer.mouse.move(box.x + 30 + i * 8, box.y + 40 + (i % 5) * 12)
    await customer.mouse.up()
    await customer.screenshot({ path: 'e2e/out/dealer-signature.png' })
    await customer.locator('button[name=answer][value=yes]').click()
    await until('it is archived', async () => (await caseNow(pump.case_id)).status === 'closed')
    same((await caseNow(pump.case_id)).verification.way, 'signature', 'how the end was verified')
    await context.close()
  })

  step('what cannot wait is paid at once by whoever may, and is due to be written up; the write-up is reviewed', async () => {
    const tow = await returned('高速抛锚换件退款', 260_000)
    const desk = await openDesk(browser, server)
    await desk.signIn('sun@shop.example')
    await desk.page.goto(`/desk/all_open/${tow.case_id}`)
    await desk.page.getByRole('button', { name: '申请审批' }).click()
    await dialog(desk.page).getByLabel('申请什么').selectOption({ label: '配件退款' })
    await dialog(desk.page).getByLabel(/金额/).fill('2600')
    await dialog(desk.page).getByLabel('理由').fill('客户滞留高速，须当场退款换件')
    await dialog(desk.page).getByLabel('情况紧急，先行处理').check()
    await desk.picture('dealer-emergency')
    await dialog(desk.page).getByRole('button', { name: '紧急先行处理' }).click()
    const review = await until('it takes effect at once', async () => {
      const found = await reviewOf(tow.case_id)
      return found?.state === 'write_up' ? found : null
    })
    check(review.emergency && review.write_up?.due_at, 'it must be written up until', review.write_up)
    await desk.page.goto(`/reviews/${review.id}?show=asked`)
    await desk.page.getByLabel('事后补写').fill('客户在高速应急车道，等待审批有危险；已核对发票与旧件。')
    await desk.picture('dealer-write-up')
    await accessible(desk.page, 'the write-up')
    await desk.page.getByRole('button', { name: '提交补写' }).click()
    const written = await until('the write-up waits for its reviewers', async () => {
      const found = await admin.get(`/reviews/${review.id}`)
      return found.state === 'open' ? found : null
    })
    // He is the only workshop lead, so an administrator takes the first step; the general manager the second.
    check(!written.waiting_for.some((p) => p.id === sun.person.id), 'not by whoever acted', written.waiting_for)
    await refused(sun.client.post(`/reviews/${review.id}/decide`, { decision: 'approve', step: 1 }), 403)
    await admin.post(`/reviews/${review.id}/decide`, { decision: 'approve', step: 1 })
    same((await admin.get(`/reviews/${review.id}`)).waiting_for.map((p) => p.name), ['吴总'], 'who is next')
    await wu.client.post(`/reviews/${review.id}/decide`, { decision: 'approve', step: 2 })
    same((await admin.get(`/reviews/${review.id}`)).state, 'approved', 'state')
    check(desk.problems.length === 0, 'no error on the page', desk.problems.join('; '))
    await desk.close()
  })

  step('the audit knows every request and every decision', async () => {
    const rows = (await admin.all('/audit')).map((row) => row.action ?? row.verb)
    for (const wanted of ['review.requested', 'review.decided']) check(rows.some((r) => r?.startsWith(wanted)), `the audit has ${wanted}`, [...new Set(rows)].filter((r) => r?.startsWith('review')))
    check(zhang.problems.length === 0, 'no error on the desk', zhang.problems.join('\n'))
  })

  return async (counts) => {
    if (counts.failed) {
      await zhang.picture('dealer-failed').catch(() => {})
      console.log(`       page: ${page.url()}\n${house.logs()}`)
    }
    await browser.close()
    await house.stop()
  }
}
