// Early warning and crisis at the desk: a flood of complaints raises a warning that climbs, it is answered; one button convenes the
// group, plan, statement, end and write-up close the case; a bulletin that reads without scripts; a threshold tried before it is saved.
import { accessible } from '../lib/axe.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { until } from '../lib/proc.mjs'
import { startPostgres } from '../lib/postgres.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { PASSWORD, addPerson, setUp, startServer } from '../lib/server.mjs'

export default async function warnings() {
  const database = process.env.DATABASE === 'postgres' ? (await startPostgres()).url : undefined
  const server = await startServer({ database })
  const admin = await setUp(server)
  const manager = await addPerson(admin, server, { name: '王经理', email: 'wang@shop.example', role: 'manager' })
  const helper = await addPerson(admin, server, { name: '李值班', email: 'li@shop.example', role: 'supervisor' })
  const browser = await startBrowser()
  const desk = await openDesk(browser, server)
  const { page } = desk
  const dialog = () => page.getByRole('dialog')
  const flood = async (count) => {
    for (let i = 0; i < count; i += 1) {
      const made = await admin.post('/cases', { title: `来电投诉：宽带中断（${i + 1}）`, type: 'complaint', text: '客户反映宽带中断。' })
      const seen = await admin.get(`/cases/${made.case.id}`)
      await admin.patch(`/cases/${made.case.id}`, { version: seen.version, fields: { category: 'service-slow', region: '华东' } })
    }
  }
  const open = async () => (await manager.client.get('/warnings')).items

  step('nothing is open, and the page says what it is for', async () => {
    await admin.put('/warning-settings', {
      daily: { enabled: true, at: '08:30', weekday: 1, to: ['role:manager'] }, weekly: { enabled: true, at: '09:00', weekday: 1, to: ['role:manager'] },
      crisis_group: [`person:${manager.person.id}`, `person:${helper.person.id}`], plan_hours: 2, write_up_days: 3,
    })
    await desk.signIn('wang@shop.example', PASSWORD)
    await page.keyboard.press('g')
    await page.keyboard.press('e')
    await page.getByText('没有未结的预警').waitFor()
    await accessible(page, 'the empty warning centre')
  })

  step('a threshold is made in the editor and tried before it is saved', async () => {
    await page.getByRole('tab', { name: /阈值/ }).click()
    await page.getByRole('button', { name: '新建阈值' }).click()
    await dialog().getByLabel('名称（中文）').fill('地区断网')
    await dialog().getByLabel('达到件数').fill('0')
    await dialog().getByLabel('时间窗口').fill('1h')
    await dialog().getByLabel('响应要求（中文）').fill('核实是否有区域性故障')
    await dialog().getByRole('button', { name: '保存' }).click()
    check(await dialog().getByLabel('达到件数').evaluate((field) => !field.validity.valid), 'no cases at all are not a threshold')
    check((await admin.get('/warning-thresholds')).items.every((one) => one.title?.zh !== '地区断网'), 'and nothing was saved')
    await dialog().getByLabel('达到件数').fill('3')
    await dialog().getByRole('button', { name: '红色' }).click()
    await dialog().getByLabel('达到件数').nth(1).fill('6')
    await dialog().getByLabel('响应要求（中文）').nth(1).fill('立即处置')
    await dialog().getByRole('button', { name: '试算近 90 天' }).click()
    await dialog().getByText('近 90 天会发出 0 次预警').waitFor()
    await accessible(page, 'the editor of thresholds')
    await desk.picture('warnings-threshold')
    await dialog().getByRole('button', { name: '保存' }).click()
    await page.getByText('地区断网').waitFor()
  })

  step('a flood of complaints raises one warning, which comes live and climbs', async () => {
    await page.getByRole('tab', { name: /未结预警/ }).click()
    await flood(3)
    await page.locator('.card').filter({ hasText: '地区断网 · 华东' }).waitFor()
    await flood(3)
    await page.locator('.card').filter({ hasText: '红色' }).waitFor()
    await until('its case is there', async () => (await open()).find((w) => w.title.zh.startsWith('地区断网'))?.case_id)
    const mine = (await open()).filter((w) => w.title.zh.startsWith('地区断网'))
    same(mine.length, 1, 'warnings of the group')
    same([mine[0].grade, mine[0].count], ['red', 6], 'grade and count')
    await desk.picture('warnings-open')
    await accessible(page, 'the warning centre')
  })

  step('it is answered, and its case goes on', async () => {
    await page.locator('.card').filter({ hasText: '地区断网' }).getByRole('button', { name: '答复', exact: true }).click()
    await dialog().getByRole('textbox', { name: '答复' }).fill('已派网络部核查，预计一小时恢复')
    await page.waitForTimeout(400)
    await desk.picture('warnings-drawer')
    await accessible(page, 'a warning')
    await dialog().getByRole('button', { name: '答复', exact: true }).click()
    const mine = await until('it is answered', async () => (await open()).find((w) => w.title.zh.startsWith('地区断网') && w.state === 'answered'))
    const stored = await until('the case has the answer', async () => {
      const found = await admin.get(`/cases/${mine.case_id}`)
      return found.stage === 'responding' && found
    })
    same(stored.fields.response, '已派网络部核查，预计一小时恢复', 'the answer in the form')
    await page.keyboard.press('Escape')
  })

  step('one button convenes the group; plan, end and write-up close the case', async () => {
    await page.getByRole('button', { name: '启动应急响应' }).first().click()
    await dialog().getByLabel('名称').fill('华东大面积断网')
    await dialog().getByLabel('事态').fill('多个小区同时中断')
    await dialog().getByText('将召集 2 人').waitFor()
    await dialog().getByRole('button', { name: '启动应急响应' }).click()
    await page.waitForURL(/\/crises\/obj_/)
    const id = page.url().split('/').pop()
    await helper.client.post(`/crises/${id}/acknowledgement`)
    // It shows in the room without a reload: who is there, and since when.
    await page.locator('.members li').filter({ hasText: helper.person.name }).locator('time').waitFor()
    await page.getByLabel('记下发生了什么、决定了什么').fill('抢修队已出发')
    await page.getByRole('button', { name: '记录', exact: true }).click()
    await page.getByText('抢修队已出发').waitFor()
    await page.getByLabel('做什么、谁负责、何时完成').fill('切换备用链路')
    await desk.picture('warnings-crisis')
    await accessible(page, 'the crisis room')
    await page.getByRole('button', { name: '提交方案' }).click()
    await page.getByRole('button', { name: '宣布平息' }).click()
    await page.getByLabel(/依据/).fill('业务恢复')
    await page.getByRole('button', { name: '宣布平息' }).click()
    await page.getByLabel(/起因、经过/).fill('光缆被挖断，已改道')
    await page.getByRole('button', { name: '提交复盘' }).click()
    const ended = await until('the crisis has ended with its case', async () => {
      const found = await admin.get(`/crises/${id}`)
      return found.state === 'ended' && found
    })
    const stored = await admin.get(`/cases/${ended.case_id}`)
    same([stored.status, stored.fields.plan, stored.fields.write_up], ['closed', '切换备用链路', '光缆被挖断，已改道'], 'the case')
    same(ended.members.filter((m) => m.acknowledged_at).length, 2, 'who is there')
  })

  step('a bulletin reads without scripts, in both languages', async () => {
    await page.goto('/warnings/bulletins')
    await page.getByRole('button', { name: '立即生成' }).click()
    await page.getByRole('menuitem', { name: '今天到现在', exact: true }).click()
    await page.locator('a[href*="/bulletins/"]').first().waitFor()
    const path = await page.locator('a[href*="/bulletins/"]').first().getAttribute('href')
    const context = await browser.newContext({ baseURL: server.base, javaScriptEnabled: false, storageState: await desk.context.storageState() })
    const plain = await context.newPage()
    await plain.goto(path)
    check((await plain.locator('body').innerText()).includes('预警分析日报'), 'the title')
    check((await plain.locator('body').innerText()).includes('华东'), 'the region')
    await plain.screenshot({ path: new URL('../out/warnings-bulletin.png', import.meta.url).pathname, fullPage: true })
    await plain.goto(path.replace('zh-CN', 'en'))
    check((await plain.locator('body').innerText()).includes('Daily early-warning bulletin'), 'in English')
    await context.close()
  })

  step('dark, English, 360 px wide', async () => {
    const phone = await openDesk(browser, server, { locale: 'en', width: 360, height: 740, dark: true })
    await phone.signIn('wang@shop.example', PASSWORD)
    for (const [path, name] of [['/warnings', 'open'], ['/warnings/crises', 'crises'], ['/warnings/thresholds', 'thresholds'], ['/warnings/bulletins', 'bulletins']]) {
      await phone.page.goto(path)
      await phone.page.waitForTimeout(800)
      const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      check(wide <= 0, `${path} fits`, `${wide} px too wide`)
      await phone.picture(`warnings-phone-${name}`)
    }
    same(phone.problems, [], 'script errors on the phone')
    same(desk.problems, [], 'script errors at the desk')
  })
}
