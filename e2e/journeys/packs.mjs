// An administrator's configuration in the browser: a pack installed after a look at what it brings, a stage changed in the designer and tried,
// a newer version that keeps the change; an escalation ladder; a rule built, written, tried on the past, fired on a real case; a macro. With axe.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessible as axe } from '../lib/axe.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { openHouse } from '../lib/house.mjs'
import { ROOT, tempDir, until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'

export default async function packs() {
  const house = await openHouse()
  const { server, admin } = house
  const browser = await startBrowser()
  /** The administrator has a second factor; the session of the API serves the browser too. */
  const asAdmin = async (options) => {
    const desk = await openDesk(browser, server, options)
    await desk.context.addCookies([...admin.cookies].map(([name, value]) => ({ name, value, url: server.base })))
    return desk
  }
  const desk = await asAdmin()
  const { page } = desk
  /** A tip over the focused button stands outside every landmark, and goes with the focus. */
  const accessible = async (on, name) => {
    await on.evaluate(() => document.querySelector('[role=dialog]')?.focus())
    await on.mouse.move(1, 1)
    await until('no tip is open', async () => (await on.locator('[data-reka-popper-content-wrapper]').count()) === 0)
    await axe(on, name)
  }
  const dialog = () => page.getByRole('dialog')
  const clear = (what) => until(what, async () => (await page.getByRole('dialog').count()) === 0)
  /** The first Esc may only close the tip of a button. */
  const shut = () =>
    until('the drawer is closed', async () => {
      if ((await page.getByRole('dialog').count()) === 0) return true
      await page.keyboard.press('Escape')
      return false
    }, { every: 300 })

  step('the packs page: what is installed, what is offered', async () => {
    await page.goto('/settings/packs')
    await page.getByRole('heading', { name: '已安装' }).waitFor()
    await page.getByRole('listitem').filter({ hasText: 'base' }).first().waitFor()
    await accessible(page, 'the packs page')
    await desk.picture('packs-list')
  }, { apart: true })

  step('telecom: what it would bring is told before anything is changed; then it is installed', async () => {
    await page.getByRole('button').filter({ hasText: 'telecom' }).click()
    await dialog().getByText('现在什么都没有改变').waitFor()
    await dialog().getByText('fault_report', { exact: true }).waitFor()
    same((await admin.get('/packs')).items.find((pack) => pack.key === 'telecom').version, null, 'not installed by a look')
    await accessible(page, 'what installing does')
    await desk.picture('packs-install')
    await dialog().getByRole('button', { name: '安装', exact: true }).click()
    await dialog().getByText(/^已安装 .* 版/).waitFor()
    check((await admin.get('/packs')).items.find((pack) => pack.key === 'telecom').version !== null, 'it is installed')
    await desk.picture('packs-installed')
    await shut()
  }, { apart: true })

  const folder = join(tempDir('pack'), 'telecom')
  const chooseFolder = async (path) => {
    await page.getByRole('button', { name: '从文件安装' }).click()
    await dialog().locator('input[webkitdirectory]').setInputFiles(path)
  }
  step('a pack with faults: every one with its file and line, in Chinese', async () => {
    const broken = join(tempDir('broken'), 'broken')
    cpSync(join(ROOT, 'packs/telecom'), broken, { recursive: true })
    const toml = join(broken, 'case-types/fault_report.toml')
    writeFileSync(toml, readFileSync(toml, 'utf8').replace('to = ["testing", "dispatched"]', 'to = ["testing", "nowhere"]'))
    writeFileSync(join(broken, 'pack.toml'), readFileSync(join(broken, 'pack.toml'), 'utf8').replace(/^version = .*$/m, 'version = "one"'))
    await chooseFolder(broken)
    await dialog().getByText('没有环节 `nowhere`').waitFor()
    await dialog().getByText(/^case-types\/fault_report\.toml:\d+$/).first().waitFor()
    await dialog().getByText('pack.toml:2').waitFor()
    await desk.picture('packs-faults')
    await shut()
  }, { apart: true })

  step('the designer: the stages drawn, one renamed by keyboard, tried out, published', async () => {
    await page.goto('/settings/case-types')
    await page.getByRole('link').filter({ hasText: '障碍申告' }).click()
    const graph = page.getByRole('group', { name: '环节图' })
    await graph.waitFor()
    await accessible(page, 'the stages of a type')
    await desk.picture('packs-designer')
    const node = graph.getByRole('button', { name: /^远程测试/ })
    await node.focus()
    await page.keyboard.press('Enter')
    const title = page.getByRole('group', { name: '名称' }).first().locator('input').first()
    await until('its editor is open', async () => (await title.inputValue()) === '远程测试')
    await title.fill('远程检测')
    // A condition to come in, built by choosing.
    await page.getByRole('button', { name: '离开条件：添加条件' }).click()
    const leave = page.getByRole('group', { name: '离开条件' })
    await leave.getByRole('button', { name: '添加条件', exact: true }).click()
    await leave.getByRole('combobox', { name: '字段' }).first().selectOption({ label: '优先级' })
    await leave.getByRole('combobox', { name: '比较' }).first().selectOption({ label: '不是' })
    await leave.getByRole('combobox', { name: '值' }).first().selectOption({ label: '低' })
    await leave.getByRole('tab', { name: '写成文字' }).click()
    await until('the text form says the same', async () => /优先级|priority/.test(await leave.locator('textarea').inputValue()))
    await desk.picture('packs-stage')
    await page.getByRole('tab', { name: '试运行' }).click()
    const moves = page.getByRole('region', { name: '工单能去哪里' })
    await moves.getByRole('listitem').filter({ hasText: '远程检测' }).first().waitFor()
    await accessible(page, 'the try-out')
    await desk.picture('packs-try')
    await page.getByRole('button', { name: '发布…' }).click()
    await dialog().getByText('没有进行中的工单受影响').waitFor()
    await dialog().getByRole('button', { name: '发布', exact: true }).click()
    await clear('it is published')
    const stored = await admin.get('/case-types/fault_report')
    const stage = stored.definition.stage.find((one) => one.key === 'testing')
    same(stage.title.zh, '远程检测', 'the stage has its new name')
    check(/priority|优先级/.test(stage.leave ?? ''), 'the condition is there', stage.leave)
    same(stored.edited, true, 'the type counts as edited')
  }, { apart: true })

  step('the form by keyboard: a field is added, moved, made conditional; a wrong condition is told at its place in Chinese', async () => {
    await page.getByRole('tab', { name: /^表单/ }).click()
    await page.getByRole('button', { name: '添加字段' }).first().click()
    const label = page.getByRole('group', { name: '名称', exact: true }).first()
    await label.locator('input').nth(0).fill('光衰')
    await label.locator('input').nth(1).fill('Loss of light')
    await page.getByRole('button', { name: '上移：光衰' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: '在什么条件下显示：添加条件', exact: true }).click()
    const show = page.getByRole('group', { name: '在什么条件下显示', exact: true })
    await show.getByRole('tab', { name: '写成文字' }).click()
    await show.locator('textarea').fill('sympton is "slow"')
    await show.getByText('没有字段 `sympton`').first().waitFor()
    await accessible(page, 'the form designer')
    await desk.picture('packs-form')
    await show.locator('textarea').fill('symptom is "slow"')
    await until('the fault is gone', async () => (await show.getByText('没有字段').count()) === 0)
    await page.getByRole('tab', { name: '历史版本' }).click()
    await page.getByText('第 2 版').first().waitFor()
    await page.getByRole('button', { name: '返回工单类型' }).click()
    await dialog().getByRole('button', { name: '丢弃并离开' }).click()
    await page.getByRole('heading', { name: '工单类型' }).waitFor()
  }, { apart: true })

  step('a newer version of the pack: the edited type is kept and named, the rest follows', async () => {
    cpSync(join(ROOT, 'packs/telecom'), folder, { recursive: true })
    writeFileSync(join(folder, 'pack.toml'), readFileSync(join(folder, 'pack.toml'), 'utf8').replace(/^version = .*$/m, 'version = "9.0.0"'))
    const levels = join(folder, 'service-levels.toml')
    writeFileSync(levels, readFileSync(levels, 'utf8').replace('warn_at = 0.7', 'warn_at = 0.6'))
    const type = join(folder, 'case-types/fault_report.toml')
    writeFileSync(type, readFileSync(type, 'utf8').replace('zh = "已派装维"', 'zh = "装维处理"'))
    await page.goto('/settings/packs')
    await chooseFolder(folder)
    await dialog().getByRole('heading', { name: '保留你的修改' }).waitFor()
    await dialog().getByText('在这里改过，保持不变').first().waitFor()
    await desk.picture('packs-upgrade')
    await dialog().getByRole('button', { name: '升级', exact: true }).click()
    await dialog().getByText(/升级到 9\.0\.0/).waitFor()
    await shut()
    const stored = await admin.get('/case-types/fault_report')
    same(stored.definition.stage.find((one) => one.key === 'testing').title.zh, '远程检测', 'the edit stays')
    same((await admin.get('/service-levels')).find((level) => level.key === 'fault').warn_at, 0.6, 'the level followed')
  }, { apart: true })

  step('export: everything as one zip', async () => {
    await page.getByRole('button', { name: '导出现有配置' }).click()
    const coming = page.waitForEvent('download')
    await dialog().getByRole('button', { name: '下载 zip' }).click()
    const download = await coming
    same(download.suggestedFilename(), 'own.zip', 'its name')
    const bytes = readFileSync(await download.path())
    same(bytes.subarray(0, 2).toString(), 'PK', 'a zip')
    check(bytes.includes('own/case-types/fault_report.toml'), 'the type is in it')
  }, { apart: true })

  step('service levels: a step of a ladder is changed; regulatory clocks are data', async () => {
    await page.goto('/settings/service-levels')
    await page.getByRole('button').filter({ hasText: '障碍申告' }).first().click()
    await dialog().getByRole('group', { name: '逐级上报' }).waitFor()
    const at = dialog().getByRole('textbox', { name: '第 2 级在' })
    await at.fill('75%')
    await accessible(page, 'a service level with its ladder')
    await desk.picture('packs-ladder')
    await dialog().getByRole('button', { name: '保存' }).click()
    await clear('it is saved')
    same((await admin.get('/service-levels')).find((level) => level.key === 'fault').ladder[1].at, '75%', 'the step')
    await page.getByRole('tab', { name: '规定时限' }).click()
    await page.getByRole('button').filter({ hasText: '电信投诉答复' }).click()
    await dialog().getByText('电信用户申诉处理办法').or(dialog().getByRole('textbox', { name: '出处' })).first().waitFor()
    await dialog().getByRole('combobox', { name: '单位' }).selectOption({ label: '个工作日' })
    await desk.picture('packs-regulatory')
    await accessible(page, 'a regulatory clock')
    await dialog().getByRole('button', { name: '保存' }).click()
    await clear('it is saved')
    same((await admin.get('/regulatory-clocks')).find((clock) => clock.key === 'telecom-complaint').unit, 'working_day', 'the unit')
  }, { apart: true })

  step('a month of a calendar, holidays and make-up days told', async () => {
    await page.goto('/settings/calendars')
    await page.getByRole('button').filter({ hasText: /热线|办公|工作/ }).first().click()
    await dialog().locator('td.open').first().waitFor()
    await dialog().getByRole('table').scrollIntoViewIfNeeded()
    await desk.picture('packs-month')
    await accessible(page, 'a calendar with its month')
    await shut()
  }, { apart: true })

  let rule
  step('a rule is built by choosing, reads the same as text, is tried on the past and saved', async () => {
    await page.goto('/settings/rules')
    await page.getByRole('button', { name: '新建规则' }).click()
    await dialog().getByRole('textbox', { name: '名称', exact: true }).fill('退款来信打标签')
    const when = dialog().getByRole('region', { name: '条件' })
    await when.getByRole('button', { name: '添加条件' }).click()
    await when.getByRole('combobox', { name: '字段' }).selectOption({ label: '标题' })
    await when.getByRole('combobox', { name: '比较' }).selectOption({ label: '包含任一' })
    const value = when.getByRole('textbox', { name: '值' })
    await value.fill('退款, 退费')
    await value.press('Tab')
    await when.getByRole('tab', { name: '写成文字' }).click()
    await until('the text says the same', async () => (await when.locator('textarea').inputValue()).includes('退费'))
    const written = await when.locator('textarea').inputValue()
    await when.locator('textarea').fill('标题 包含任一 "退款" 且 sevrity 是 3')
    await when.getByText(/没有字段 `sevrity`/).first().waitFor()
    await desk.picture('packs-rule-fault')
    await when.locator('textarea').fill(written)
    await until('it reads again', async () => (await when.getByText('没有字段').count()) === 0)
    await page.waitForTimeout(600)
    await when.getByRole('tab', { name: '逐条搭建' }).click()
    await until('the same in parts', async () => (await when.getByRole('textbox', { name: '值' }).inputValue().catch(() => '')).includes('退费'))
    const tags = dialog().getByRole('region', { name: '动作' }).getByRole('textbox').first()
    await tags.fill('退款')
    await tags.press('Tab')
    await dialog().getByRole('switch', { name: '启用', exact: true }).check()
    await accessible(page, 'the rule editor')
    await desk.picture('packs-rule')
    await dialog().getByRole('tab', { name: '试运行' }).click()
    await dialog().getByRole('button', { name: '试运行' }).click()
    await dialog().getByText(/会触发 1 次，涉及 1 个工单/).waitFor()
    await desk.picture('packs-dry')
    await dialog().getByRole('button', { name: '保存' }).click()
    await clear('it is saved')
    rule = (await admin.get('/rules')).find((one) => JSON.stringify(one.title).includes('退款来信打标签'))
    same(rule.enabled, true, 'it is on')
  }, { apart: true })

  step('it fires on a real letter, and its log says why', async () => {
    await house.send('韩梅梅', '会员费想退费', '您好，会员费多扣了一次，申请退费。')
    const fired = await house.caseOf('会员费想退费')
    await until('the rule has tagged the case', async () => (await admin.get(`/cases/${fired.case_id}`)).tags.includes('退款'), { every: 400 })
    await page.reload()
    await page.getByRole('button').filter({ hasText: '退款来信打标签' }).click()
    await dialog().getByRole('tab', { name: /触发记录/ }).click()
    await dialog().getByRole('link', { name: fired.number }).waitFor()
    await dialog().getByText(/标题 包含/).first().waitFor()
    await accessible(page, 'the log of a rule')
    await desk.picture('packs-log')
    await shut()
  }, { apart: true })

  step('a macro run from a case', async () => {
    const target = await house.caseOf('发票什么时候')
    await page.goto(`/desk/all_open/${target.case_id}`)
    await page.locator('article').first().waitFor()
    await page.locator('#case-panel h1').click()
    await page.keyboard.press('m')
    await dialog().getByText('请客户补充凭证').click()
    await dialog().getByRole('button', { name: /执行|运行/ }).click()
    await until('its deeds are done', async () => (await admin.get(`/cases/${target.case_id}`)).tags.includes('待补充'), { every: 300 })
  }, { apart: true })

  step('why a deadline is what it is, told on the case', async () => {
    await page.getByRole('region', { name: '服务时限' }).getByRole('button').first().click()
    await dialog().getByRole('heading', { name: '怎样算出来的' }).waitFor()
    await accessible(page, 'the story of a clock')
    await desk.picture('packs-clock')
    await page.keyboard.press('Escape')
  }, { apart: true })

  step('English, dark, 360 px: the same pages, no sideways scrolling, axe', async () => {
    await admin.patch('/me', { locale: 'en', preferences: { theme: 'dark' } })
    const phone = await asAdmin({ locale: 'en-GB', width: 360, height: 740, dark: true })
    for (const [name, path, ready] of [['packs', '/settings/packs', 'ul.rows'], ['types', '/settings/case-types', 'ul.rows'], ['designer', '/settings/case-types?type=complaint', 'svg [role=button]'], ['levels', '/settings/service-levels', 'ul.rows'], ['rules', '/settings/rules', 'ol.rules']]) {
      await phone.page.goto(path)
      await phone.page.locator(ready).first().waitFor()
      const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      check(wide <= 0, `no sideways scrolling on ${path}`, `${wide} px`)
      await accessible(phone.page, `${path} on a phone, dark, English`)
      await phone.picture(`packs-360-${name}`)
    }
    check(phone.problems.length === 0, 'no error on the phone', phone.problems.join('; '))
    await phone.close()
    await admin.patch('/me', { locale: 'zh-CN', preferences: { theme: 'light' } })
  }, { apart: true })

  step('the pack is removed: what was edited stays, and is named', async () => {
    await page.goto('/settings/packs')
    await page.getByRole('button').filter({ hasText: 'telecom' }).click()
    await dialog().getByRole('tab', { name: '移除' }).click()
    await dialog().getByText('在这里改过').first().waitFor()
    await desk.picture('packs-remove')
    await dialog().getByRole('button', { name: '移除行业包' }).click()
    await dialog().getByText('行业包已移除').waitFor()
    same((await admin.get('/case-types/fault_report')).definition.stage.find((one) => one.key === 'testing').title.zh, '远程检测', 'the edited type stays')
    same((await admin.get('/packs')).items.find((pack) => pack.key === 'telecom').version, null, 'the pack is gone')
  }, { apart: true })

  step('nothing went wrong on the page', async () => {
    check(desk.problems.length === 0, 'errors', desk.problems.join('\n'))
  }, { apart: true })

  return async (counts) => {
    if (counts.failed) {
      await desk.picture('packs-failed').catch(() => {})
      console.log(`       page: ${page.url()}\n       ${desk.problems.join('\n       ')}`)
    }
    await browser.close()
    await house.stop()
  }
}
