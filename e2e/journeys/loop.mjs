// The closed loop at the desk, by keyboard: a complaint from acceptance to the archive, with a work order another department closes
// and the customer's own confirmation; accountability handed over and accepted; board, table, my accountability, team wall. With axe.
import { accessible } from '../lib/axe.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { openHouse } from '../lib/house.mjs'
import { until as sooner } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { addPerson } from '../lib/server.mjs'

/** Each look at a case is written in the audit: not oftener than needed. */
const until = (what, probe, more) => sooner(what, probe, { every: 250, ...more })

export default async function loop() {
  const house = await openHouse()
  const { server, admin } = house
  const net = await admin.post('/teams', { name: '网络部' })
  const liu = await addPerson(admin, server, { name: '刘网络', email: 'liu@shop.example', role: 'agent', teams: [net.id] })
  const browser = await startBrowser()
  const zhang = await openDesk(browser, server)
  const { page } = zhang
  const dialog = (p = page) => p.getByRole('dialog')
  const closed = (p = page) => p.locator('[data-layer]').first().waitFor({ state: 'detached' }).catch(() => {})
  const type = (text, p = page) => p.keyboard.type(text)
  const press = (key, p = page) => p.keyboard.press(key)
  const caseNow = (id) => admin.get(`/cases/${id}`)
  const option = (text, p = page) => p.locator('.option').filter({ hasText: text }).first()
  const settled = (p = page) => p.locator('h1').last().click()
  /** An action by its name in the palette: what every hand without a key for it does. */
  const palette = async (name, p = page) => {
    await press('Control+k', p)
    await dialog(p).waitFor()
    await type(name, p)
    await option(name, p).waitFor()
    await press('Enter', p)
  }
  /** V, the stage by its name, Enter. */
  const moveTo = async (stage, p = page) => {
    await press('v', p)
    await dialog(p).waitFor()
    await option(stage, p).waitFor()
    await type(stage, p)
    await press('Enter', p)
  }
  let complaint

  step('opens the case, takes it, makes it a complaint: the track shows where it is', async () => {
    await zhang.signIn('zhang@shop.example')
    complaint = await house.caseOf('宽带一直掉线')
    await page.goto(`/desk/all_open/${complaint.case_id}`)
    await page.getByText('重启过光猫').first().waitFor()
    await settled()
    await press('i')
    await until('it is his', async () => (await caseNow(complaint.case_id)).assignee?.name === '张晓明')
    await palette('更改类型')
    await dialog().getByText('投诉').first().waitFor()
    await type('投诉')
    await press('Enter')
    await until('it is a complaint', async () => (await caseNow(complaint.case_id)).type === 'complaint')
    await page.getByRole('list', { name: '闭环进度' }).waitFor()
    await until('the track has the steps of a complaint', async () => (await page.locator('ol[aria-label="闭环进度"] > li').count()) === 7)
    await zhang.picture('loop-track')
    await accessible(page, 'the case view')
  })

  step('V says what is in the way of every stage; what is missing is asked for, then it goes', async () => {
    await press('v')
    await option('已归档').waitFor()
    await option('已归档').filter({ hasText: '结果还未核实' }).waitFor()
    await zhang.picture('loop-moves')
    await accessible(page, 'the stages to move to', '[role=dialog]')
    await press('Escape')
    await closed()
    // A complaint that came from an ordinary case stands where that one stood; back to the beginning is no way of its type.
    const stage = (await caseNow(complaint.case_id)).stage
    if (stage === 'accepted') {
      await moveTo('处理中')
      await dialog().getByLabel('客户诉求').waitFor()
      await dialog().getByLabel('客户诉求').focus()
      await type('三天内修好，退还一个月的费用')
      await zhang.picture('loop-needed')
      await press('Enter')
    }
    await until('it is being handled', async () => (await caseNow(complaint.case_id)).stage === 'handling')
    await closed()
  })

  step('D goes to the form: a choice opens the field that depends on it', async () => {
    await settled()
    await press('d')
    const form = page.locator('#case-form')
    await page.waitForFunction(() => document.activeElement?.closest('#case-form') !== null)
    check((await form.getByLabel('补偿金额').count()) === 0, 'compensation is not asked while nobody is responsible')
    await form.getByLabel('责任归属').selectOption({ label: '我方' })
    await form.getByLabel('补偿金额').waitFor()
    await form.getByLabel('补偿金额').fill('39.9')
    await press('Tab')
    await until('both are stored', async () => {
      const { fields } = await caseNow(complaint.case_id)
      return fields.responsible === 'ours' && fields.compensation?.minor === 3990
    })
    if (!(await caseNow(complaint.case_id)).fields.demand) {
      await form.getByLabel('客户诉求').fill('三天内修好')
      await press('Tab')
    }
    await zhang.picture('loop-form')
  })

  let order
  step('W gives the fault to the network department; the case says whom it waits for', async () => {
    await settled()
    await press('w')
    await dialog().waitFor()
    await dialog().getByRole('button', { name: '交给' }).focus()
    await press('Enter')
    await page.locator('input[role=combobox]').waitFor()
    await type('网络部')
    await press('Enter')
    await dialog().getByLabel('要办什么').fill('检查线路，昨晚起每十分钟掉线一次')
    await zhang.picture('loop-order')
    await accessible(page, 'the work order dialog', '[role=dialog]')
    await dialog().getByLabel('标题').focus()
    await press('Enter')
    const waiting = await until('it waits', async () => (await caseNow(complaint.case_id)).waiting_for[0])
    order = waiting
    same(waiting.team?.name, '网络部', 'whom it waits for')
    await page.getByText(/等待网络部，已/).first().waitFor()
    await closed()
    await page.getByRole('region', { name: '子工单' }).getByRole('button', { name: /催办/ }).click()
    await dialog().waitFor()
    await press('Tab')
    await dialog().getByRole('textbox').fill('客户急用，请今天完成')
    await press('Control+Enter')
    await until('the work order was asked after', async () => (await caseNow(order.case_id)).reminders === 1)
    await page.getByText(/催办 1 次/).first().waitFor()
    await zhang.picture('loop-waits')
  })

  step('somebody of the network department takes the work order and finishes it', async () => {
    const other = await openDesk(browser, server)
    await other.signIn('liu@shop.example')
    await other.page.goto(`/desk/team_open/${order.case_id}`)
    await other.page.getByText('检查线路').first().waitFor()
    await other.page.getByText('这是子工单').waitFor()
    await other.page.locator('h1').last().click()
    await other.page.keyboard.press('i')
    await until('it is hers', async () => (await caseNow(order.case_id)).assignee?.name === '刘网络')
    await other.page.keyboard.press('d')
    await other.page.waitForFunction(() => document.activeElement?.closest('#case-form') !== null)
    await other.page.keyboard.type('更换了分光器，测试两小时没有掉线')
    await other.page.keyboard.press('Tab')
    await until('the result is stored', async () => (await caseNow(order.case_id)).fields.result)
    await other.page.locator('h1').last().click()
    await other.page.keyboard.press('e')
    await until('it is archived by itself', async () => (await caseNow(order.case_id)).status === 'closed')
    await other.picture('loop-order-done')
    check(other.problems.length === 0, 'no error on the other desk', other.problems.join('; '))
    await other.close()
    await until('the parent waits no more', async () => (await caseNow(complaint.case_id)).waiting_for.length === 0)
    await page.getByText(/等待网络部，已/).first().waitFor({ state: 'detached' })
  })

  step('tells the customer, moves on to be confirmed, sends the link with Y', async () => {
    await settled()
    await press('r')
    await page.locator('.tiptap').first().waitFor()
    await page.locator('.tiptap').first().pressSequentially('您好，线路已修好，并退还一个月费用。')
    await press('Control+Enter')
    await until('the answer is in the mailbox', () => house.host.mailbox('li@customer.example').some((mail) => Buffer.from(mail).length > 0), { every: 300 })
    await until('the case knows of its answer', async () => (await caseNow(complaint.case_id)).first_response_at)
    await settled()
    await moveTo('待回访确认')
    await dialog().getByLabel('处理结果').waitFor()
    await dialog().getByLabel('处理结果').selectOption({ label: '已补偿' })
    await zhang.picture('loop-resolve')
    await dialog().getByLabel('原因').focus()
    await press('Enter')
    await until('it is to be confirmed', async () => (await caseNow(complaint.case_id)).stage === 'callback')
    await closed()
    await settled()
    await press('y')
    await dialog().getByLabel('怎样核实').waitFor()
    await zhang.picture('loop-verify')
    await accessible(page, 'the verification dialog', '[role=dialog]')
    await dialog().getByRole('button', { name: '发送链接' }).focus()
    await press('Enter')
    await until('the customer was asked', async () => (await caseNow(complaint.case_id)).verification.requests.length === 1)
  })

  step('the customer says on the public page that it is solved; the case is archived', async () => {
    const link = await until('the letter with the link', () => {
      for (const mail of house.host.mailbox('li@customer.example')) {
        const parts = [mail, ...mail.split(/\r?\n\r?\n/).map((part) => Buffer.from(part.replace(/\s/g, ''), 'base64').toString())]
        for (const part of parts) {
          const found = /\/c\/[0-9a-z]{40,}/i.exec(part.replace(/=\r?\n/g, ''))
          if (found) return found[0]
        }
      }
      return null
    }, { every: 400 })
    const context = await browser.newContext({ baseURL: server.base, locale: 'zh-CN' })
    const customer = await context.newPage()
    await customer.goto(link)
    await customer.screenshot({ path: 'e2e/out/loop-customer.png' }).catch(() => {})
    await customer.getByRole('button', { name: '已解决', exact: true }).focus()
    await customer.keyboard.press('Enter')
    await customer.getByText('已收到您的确认').waitFor()
    await context.close()
    const now = await until('it is archived', async () => {
      const found = await caseNow(complaint.case_id)
      return found.status === 'closed' ? found : null
    })
    same(now.verification.way, 'customer', 'how the end was verified')
    await page.goto(`/case/${complaint.number}`)
    await page.getByText('已核实：客户确认').waitFor()
    await page.locator('ol[aria-label="闭环进度"] li.current').filter({ hasText: '归档' }).waitFor()
    await zhang.picture('loop-archived')
  })

  let handed
  step('hands accountability over with H; the other one accepts on her own desk', async () => {
    handed = await house.caseOf('路由器坏了')
    await page.goto(`/desk/all_open/${handed.case_id}`)
    await page.getByText('SF1234567890').first().waitFor()
    await settled()
    await press('i')
    await until('he is accountable', async () => (await caseNow(handed.case_id)).accountable?.name === '张晓明')
    await press('h')
    await dialog().waitFor()
    await dialog().getByRole('button', { name: '移交给' }).focus()
    await press('Enter')
    await page.locator('input[role=combobox]').waitFor()
    await type('王芳')
    await press('Enter')
    await dialog().getByLabel('原因').fill('客户是她的老客户')
    await dialog().getByRole('button', { name: '请对方接手' }).focus()
    await press('Enter')
    await until('it is offered', async () => (await caseNow(handed.case_id)).hand_over)
    same((await caseNow(handed.case_id)).accountable?.name, '张晓明', 'accountable until she accepts')
    const wang = await openDesk(browser, server)
    await wang.signIn('wang@shop.example')
    await wang.page.goto(`/desk/all_open/${handed.case_id}`)
    await wang.page.getByRole('button', { name: '接受', exact: true }).focus()
    await wang.page.keyboard.press('Enter')
    await until('it is hers', async () => (await caseNow(handed.case_id)).accountable?.name === '王芳')
    await wang.page.keyboard.press('g')
    await wang.page.keyboard.press('a')
    await wang.page.waitForURL(/\/accountable/)
    await wang.page.getByText('路由器坏了').first().waitFor()
    check(wang.problems.length === 0, 'no error on her desk', wang.problems.join('; '))
    await wang.close()
  })

  step('the board: columns with counts, a card goes on with > and back with Z, the address keeps what is looked at', async () => {
    await settled().catch(() => {})
    await press('Escape')
    await press('g')
    await press('b')
    await page.waitForURL(/\/stages/)
    await page.goto('/stages/request')
    const cards = page.locator('[data-card]')
    await cards.first().waitFor()
    await accessible(page, 'the board')
    await zhang.picture('loop-board')
    const id = handed.case_id
    await page.locator(`#card-${id}`).focus()
    const before = (await caseNow(id)).stage
    await press('>')
    const after = await until('the card has gone on', async () => {
      const { stage } = await caseNow(id)
      return stage !== before ? stage : null
    })
    await page.locator(`[data-stage="${after}"] #card-${id}`).waitFor()
    check(await page.evaluate((card) => document.activeElement?.id === card, `card-${id}`), 'the card keeps the focus where it went')
    await press('<')
    await until('and back', async () => (await caseNow(id)).stage === before)
    await press('v')
    await dialog().locator('.option').first().waitFor()
    await press('Escape')
    await closed()
    await press('ArrowDown')
    await press('Shift+F')
    await page.getByRole('search', { name: '筛选' }).getByLabel('优先级').selectOption({ label: '紧急' })
    await page.waitForURL(/priority=urgent/)
    await page.getByText('没有符合筛选的工单').first().waitFor()
    await page.reload()
    await page.getByText('没有符合筛选的工单').first().waitFor()
    await page.getByRole('button', { name: '清除筛选' }).click()
    await cards.first().waitFor()
  })

  step('a card is dragged to another stage', async () => {
    const target = await house.caseOf('发票什么时候')
    await page.locator(`#card-${target.case_id}`).waitFor()
    const before = (await caseNow(target.case_id)).stage
    const to = before === 'handling' ? 'waiting_customer' : 'handling'
    await page.locator(`#card-${target.case_id}`).dragTo(page.locator(`section[data-stage="${to}"]`))
    await until('it stands there', async () => (await caseNow(target.case_id)).stage === to)
  })

  step('the table: sorted by the server, columns to choose, by keyboard', async () => {
    await press('Shift+V')
    await page.waitForURL(/as=table/)
    const rows = page.getByRole('table').getByRole('row')
    await rows.nth(1).waitFor()
    await rows.nth(3).waitFor()
    await page.getByRole('button', { name: '按最近动静排序' }).focus()
    await press('Enter')
    await page.waitForURL(/sort=-updated_at/)
    await page.getByRole('button', { name: '选择列' }).click()
    await page.getByLabel('首问责任人').check()
    await press('Escape')
    await page.waitForURL(/cols=/)
    await page.getByRole('columnheader', { name: '首问责任人' }).waitFor()
    await zhang.picture('loop-table')
    await accessible(page, 'the table')
  })

  step('my accountability: what he answers for and where it is stuck', async () => {
    await admin.post(`/cases/${(await house.caseOf('发票什么时候')).case_id}/work-orders`, { title: '开票', text: '请财务开票', team_id: net.id })
    const one = await house.caseOf('发票什么时候')
    await admin.put(`/cases/${one.case_id}/accountability`, { person_id: house.agents.zhang.person.id, reason: '他先接待' })
    await press('g')
    await press('a')
    await page.waitForURL(/\/accountable/)
    await page.getByText(/等待网络部，已/).first().waitFor()
    await press('j')
    await press('b')
    await dialog().waitFor()
    await press('Control+Enter')
    await closed()
    await page.getByRole('listitem').getByText(/已催办 2026-|催办 1 次/).first().waitFor()
    await zhang.picture('loop-accountable')
    await accessible(page, 'my accountability')
  })

  step('the team wall: who is there, what they carry, what is next', async () => {
    await press('g')
    await press('w')
    await page.waitForURL(/\/wall/)
    await page.locator('.cards').getByText('王芳').waitFor()
    await accessible(page, 'the team wall')
    await zhang.picture('loop-wall')
    const before = await page.locator('.cards li').filter({ hasText: '王芳' }).innerText()
    const target = await house.caseOf('会员积分')
    await house.agents.wang.client.put(`/cases/${target.case_id}/assignment`, { person_id: house.agents.wang.person.id })
    await until('the wall follows', async () => (await page.locator('.cards li').filter({ hasText: '王芳' }).innerText()) !== before, { every: 300 })
  })

  step('English, dark, 360 px: the same pages, no sideways scrolling, axe', async () => {
    await house.agents.wang.client.patch('/me', { locale: 'en', preferences: { theme: 'dark' } })
    const phone = await openDesk(browser, server, { locale: 'en-GB', width: 360, height: 740, dark: true })
    await phone.signIn('wang@shop.example')
    for (const [path, ready] of [['/stages/request', '[data-card]'], ['/stages/request?as=table', '[role=row]'], ['/accountable', 'li.item'], ['/wall', '.cards li'], [`/desk/all_open/${handed.case_id}`, 'article']]) {
      await phone.page.goto(path)
      await phone.page.locator(ready).first().waitFor()
      const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      check(wide <= 0, `no sideways scrolling on ${path}`, `${wide} px`)
      await accessible(phone.page, `${path} on a phone, dark, English`)
      await phone.picture(`loop-360${path.split('?')[1] ? '-table' : path.replace(/\/|cas_.*/g, '-').replace(/-+$/, '')}`)
    }
    check(phone.problems.length === 0, 'no error on the phone', phone.problems.join('; '))
    await phone.close()
  })

  step('nothing went wrong on the page', async () => {
    check(zhang.problems.length === 0, 'errors', zhang.problems.join('\n'))
    void liu
  })

  return async (counts) => {
    if (counts.failed) {
      await zhang.picture('loop-failed').catch(() => {})
      console.log(`       page: ${page.url()}\n       ${zhang.problems.join('\n       ')}`)
    }
    await browser.close()
    await house.stop()
  }
}
