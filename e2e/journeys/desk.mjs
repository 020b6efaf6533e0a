// What real mail does to a desk: files both ways, taking back, HTML, strangers, merging, drafts that cannot be lost, pages of repair.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { CUSTOMERS, SHOP, openHouse } from '../lib/house.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'
import { letter, png, readMail, sha256 } from '../lib/mime.mjs'
import { ROOT, until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { compose, deliver } from '../lib/smtp.mjs'

const FIXTURES = join(ROOT, 'platform/mail/tests/fixtures')
const LI = CUSTOMERS.李雷
const EMMA = CUSTOMERS['Emma Stone-Field']
const PDF = { name: '发票 2026年11月（副本）.pdf', type: 'application/pdf', bytes: Buffer.from(`%PDF-1.4\n${'发票内容 '.repeat(400)}`) }
const PHOTO = { name: '现场照片.png', type: 'image/png', bytes: png(640, 400) }
const INVITE = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'METHOD:REQUEST', 'BEGIN:VEVENT', 'UID:visit-1@customer.example', 'SUMMARY:上门检修', 'DTSTART;TZID=Asia/Shanghai:20261123T093000', 'DTEND;TZID=Asia/Shanghai:20261123T103000', 'LOCATION:幸福路 1 号', `ORGANIZER;CN=李雷:mailto:${LI}`, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n')

export default async function desk() {
  const house = await openHouse({ letters: false })
  const { server, host, admin } = house
  const browser = await startBrowser()
  const web = await startListener()
  const zhang = await openDesk(browser, server)
  const { page } = zhang
  const me = house.agents.zhang.client
  page.on('dialog', (dialog) => dialog.accept())
  // Listening from the start, so that no chooser opens before it is caught.
  page.on('filechooser', () => {})

  const row = (title, p = page) => p.getByRole('option').filter({ hasText: title })
  const editor = (p = page) => p.locator('.tiptap').first()
  const composer = (p = page) => p.getByRole('region', { name: /写消息|Write/ })
  const article = (text, p = page) => p.locator('article').filter({ hasText: text })
  const toast = (text, p = page) => p.locator('.toast, [role=status]').filter({ hasText: text }).first()
  const more = async (text, entry, p = page) => {
    await article(text, p).first().hover()
    await article(text, p).first().getByRole('button', { name: /更多|More/ }).click()
    await p.getByRole('menuitem', { name: entry }).click()
  }
  const caseMenu = async (entry, p = page) => {
    await p.locator('header.head').getByRole('button', { name: /更多|More/ }).click()
    await p.getByRole('menuitem', { name: entry, exact: true }).click()
  }
  const messages = async (id) => (await admin.all(`/cases/${id}/timeline`)).filter((i) => i.kind === 'message')
  const mailTo = (address, words) => host.mailbox(address).map(readMail).filter((m) => `${m.subject}${m.text}${m.html}${m.files.map((f) => f.name)}`.includes(words))
  const arrived = (address, words) => until(`a mail with "${words}" at ${address}`, () => mailTo(address, words)[0], { every: 150 })
  let counter = 0
  /** A letter that has become a case; answers its row. */
  const written = async (who, subject, text, what = {}) => {
    counter += 1
    const messageId = `<desk-${counter}-${process.pid}-${Date.now()}@customer.example>`
    const from = `=?UTF-8?B?${Buffer.from(who).toString('base64')}?= <${CUSTOMERS[who]}>`
    const raw = what.files ? letter({ from, to: SHOP, subject, text, messageId, ...what }) : compose({ from, to: SHOP, subject, text, messageId, ...what })
    await deliver(host.ports.smtp, { from: CUSTOMERS[who], to: SHOP, raw })
    return { ...(await house.caseOf(subject)), messageId }
  }
  const openCase = async (found, p = page) => {
    await p.goto(`/desk/all_open/${found.case_id}`)
    await p.locator('article').first().waitFor()
  }
  const preferences = async (change) => {
    const { person } = await me.get('/session')
    await me.patch('/me', { preferences: { ...person.preferences, ...change } })
  }
  /** What a person chose to save, as the browser would put it into the downloads folder. */
  const saved = async (link) => {
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) }
  }
  const drop = (files, p = page) =>
    composer(p).evaluate((element, list) => {
      const data = new DataTransfer()
      for (const { name, type, base64, size } of list) data.items.add(new File([size ? new Uint8Array(size) : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }))
      for (const kind of ['dragenter', 'dragover', 'drop']) element.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }))
    }, files.map(({ bytes, ...file }) => ({ ...file, base64: bytes?.toString('base64') })))
  const paste = ({ name, type, bytes, text }, p = page) =>
    editor(p).evaluate((element, given) => {
      const data = new DataTransfer()
      if (given.base64) data.items.add(new File([Uint8Array.from(atob(given.base64), (c) => c.charCodeAt(0))], given.name, { type: given.type }))
      if (given.text) data.setData('text/plain', given.text)
      element.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }))
    }, { name, type, text, base64: bytes?.toString('base64') })
  const chip = (name, p = page) => composer(p).locator('.file').filter({ hasText: name })
  const write = async (text, key = 'r', p = page) => {
    await p.locator('h1').last().click()
    await p.keyboard.press(key)
    await editor(p).waitFor()
    await editor(p).pressSequentially(text)
  }

  const clear = async () => {
    await editor().click()
    await page.keyboard.press('Control+a')
    await page.keyboard.press('Delete')
  }

  let files
  step('received files: real names, right bytes, pictures shown, an invitation told', async () => {
    await preferences({ undo_seconds: 0 })
    await zhang.signIn('zhang@shop.example')
    files = await written('李雷', '路由器安装问题', '照片和发票见附件。', { files: [PDF, { ...PHOTO, encoded: 'words' }, { name: 'invite.ics', type: 'text/calendar; charset=utf-8; method=REQUEST', bytes: Buffer.from(INVITE) }] })
    await openCase(files)
    const pdf = await saved(page.getByRole('link', { name: PDF.name }))
    same([pdf.name, sha256(pdf.bytes)], [PDF.name, sha256(PDF.bytes)], 'the invoice')
    const thumb = page.getByRole('button', { name: new RegExp(PHOTO.name) })
    await thumb.waitFor()
    await until('the picture is painted', () => thumb.locator('img').evaluate((img) => img.complete && img.naturalWidth === 640))
    await page.getByRole('region', { name: '日程邀请' }).filter({ hasText: '上门检修' }).filter({ hasText: '09:30' }).waitFor()
    await zhang.picture('desk-files')
    await thumb.click()
    const dialog = page.getByRole('dialog')
    await until('the large picture is painted', () => dialog.locator('img').evaluate((img) => img.complete && img.naturalWidth === 640))
    await zhang.picture('desk-picture')
    const photo = await saved(dialog.getByRole('link', { name: '下载' }))
    same([photo.name, sha256(photo.bytes)], [PHOTO.name, sha256(PHOTO.bytes)], 'the photo')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  })

  step('winmail.dat: what is inside it', async () => {
    const found = await written('李雷', 'Outlook 发来的', '见附件', { files: [{ name: 'winmail.dat', type: 'application/ms-tnef', bytes: readFileSync(join(FIXTURES, 'mimekit/data-before-name.tnef')) }] })
    await openCase(found)
    const boot = await saved(page.getByRole('link', { name: 'boot.ini' }))
    same(boot.name, 'boot.ini', 'name')
    check(boot.bytes.toString('latin1').includes('[boot loader]'), 'its bytes', boot.bytes.toString('latin1').slice(0, 80))
    await page.getByRole('link', { name: 'AUTOEXEC.BAT' }).waitFor()
  })

  step('adds files by button, paste and drag, with progress; removes one; too large and refused ones say so', async () => {
    await openCase(files)
    await write('您好，安装说明在附件里。')
    let go
    const gate = new Promise((done) => (go = done))
    await page.route('**/api/v1/uploads', async (route) => (await gate, route.continue()))
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), composer().getByRole('button', { name: '添加附件' }).click()])
    await chooser.setFiles({ name: '安装说明（第二版）.pdf', mimeType: 'application/pdf', buffer: PDF.bytes })
    await chip('安装说明').getByRole('progressbar').waitFor()
    check(await composer().getByRole('button', { name: /发送/ }).first().isDisabled(), 'nothing is sent while a file is on its way')
    go()
    await chip('安装说明').locator('.meta').filter({ hasText: 'KB' }).waitFor()
    await page.unroute('**/api/v1/uploads')
    await paste({ name: 'image.png', type: 'image/png', bytes: PHOTO.bytes })
    await chip('image.png').waitFor()
    await paste({ name: 'cells.png', type: 'image/png', bytes: PHOTO.bytes, text: '单价 12.50' })
    await editor().filter({ hasText: '单价 12.50' }).waitFor()
    same(await chip('cells.png').count(), 0, 'copied cells come as text, not as a picture of them')
    await drop([{ name: '多余.txt', type: 'text/plain', bytes: Buffer.from('多余') }, { name: '清单，终稿.csv', type: 'text/csv', bytes: Buffer.from('品名,数量\n路由器,1\n') }])
    await chip('多余.txt').getByRole('button', { name: /移除/ }).click()
    await chip('清单，终稿.csv').waitFor()
    await drop([{ name: '录像.mp4', type: 'video/mp4', size: 26 * 1024 * 1024 }])
    await chip('录像.mp4').filter({ hasText: '25 MB' }).waitFor()
    await zhang.picture('desk-attach')
    await chip('录像.mp4').getByRole('button', { name: /移除/ }).click()
    await page.route('**/api/v1/uploads', (route) => route.fulfill({ status: 413, contentType: 'text/html', body: '<h1>too large for this proxy</h1>' }))
    await drop([{ name: '坏线路.txt', type: 'text/plain', bytes: Buffer.from('再试') }])
    await chip('坏线路.txt').getByRole('button', { name: '重试' }).waitFor()
    await page.unroute('**/api/v1/uploads')
    await chip('坏线路.txt').getByRole('button', { name: '重试' }).click()
    await chip('坏线路.txt').locator('.meta').filter({ hasText: 'B' }).waitFor()
    same(await chip('多余.txt').count(), 0, 'what was removed')
  })

  step('they arrive at the other side with their names and bytes', async () => {
    await page.keyboard.press('Control+Enter')
    await article('安装说明在附件里').first().waitFor()
    const mail = await arrived(LI, '安装说明在附件里')
    const got = Object.fromEntries(mail.files.map((f) => [f.name, sha256(f.bytes)]))
    same(Object.keys(got).sort(), ['image.png', '坏线路.txt', '安装说明（第二版）.pdf', '清单，终稿.csv'].sort(), 'names')
    same([got['安装说明（第二版）.pdf'], got['image.png']], [sha256(PDF.bytes), sha256(PHOTO.bytes)], 'bytes')
    await zhang.picture('desk-sent')
  })

  step('UX-12: a countdown; undo brings the text back and nothing leaves; two tabs keep in step', async () => {
    await preferences({ undo_seconds: 30 })
    await openCase(files)
    await write('先别发：价格写错了')
    await drop([{ name: '报价.txt', type: 'text/plain', bytes: Buffer.from('12.50') }])
    await chip('报价.txt').locator('.meta').filter({ hasText: 'B' }).waitFor()
    const other = await zhang.context.newPage()
    await other.goto(`/desk/all_open/${files.case_id}`)
    await editor(other).filter({ hasText: '价格写错了' }).waitFor()
    await page.keyboard.press('Control+Enter')
    await article('价格写错了').filter({ hasText: '秒后发出' }).waitFor()
    await zhang.picture('desk-countdown')
    await until('the other tab has nothing left to send', async () => !(await editor(other).isVisible()))
    await page.locator('h1').last().click()
    await page.keyboard.press('z')
    await editor().filter({ hasText: '价格写错了' }).waitFor()
    await chip('报价.txt').waitFor()
    await editor(other).filter({ hasText: '价格写错了' }).waitFor()
    const taken = (await messages(files.case_id)).find((m) => m.text.includes('价格写错了'))
    same(taken.state, 'cancelled', 'the message')
    // Sent once more, the page loaded again, and taken back from the message itself.
    await article('价格写错了').getByText('已撤回').first().waitFor()
    await editor().click()
    await page.keyboard.press('Control+Enter')
    await until('it is queued again', async () => (await messages(files.case_id)).some((m) => m.text.includes('价格写错了') && m.state === 'queued'))
    await page.reload()
    await article('价格写错了').filter({ hasText: '秒后发出' }).getByRole('button', { name: '撤回' }).click()
    await editor().filter({ hasText: '价格写错了' }).waitFor()
    await chip('报价.txt').waitFor()
    check((await messages(files.case_id)).filter((m) => m.text.includes('价格写错了')).every((m) => m.state === 'cancelled'), 'all taken back')
    await other.close()
    await clear()
    await chip('报价.txt').getByRole('button', { name: /移除/ }).click()
    await until('the empty draft is gone', async () => (await me.get(`/cases/${files.case_id}/drafts`)).length === 0)
  })

  step('a tab closed in the countdown: the mail leaves, once', async () => {
    await preferences({ undo_seconds: 2 })
    const tab = await zhang.context.newPage()
    await openCase(files, tab)
    await write('关掉标签页之前发的', 'r', tab)
    await Promise.all([tab.waitForResponse((r) => r.request().method() === 'POST' && /\/messages$/.test(r.url())), tab.keyboard.press('Control+Enter')])
    await tab.close()
    await arrived(LI, '关掉标签页之前发的')
    same(mailTo(LI, '价格写错了').filter((m) => m.text.split('关掉标签页')[0].includes('价格写错了')).length, 0, 'what was taken back never left')
    await preferences({ undo_seconds: 0 })
  })

  step('UX-30: HTML mail: as high as it is, nothing loads or runs, links lead away without a trace', async () => {
    const wide = `<table border=1>${'<tr>'.concat(...Array.from({ length: 40 }, (_, n) => `<td style="white-space:nowrap">第 ${n} 列的内容</td>`), '</tr>').repeat(6)}</table>`
    const html = `<html><head><link rel=stylesheet href="${web.base}/style.css"><style>@import url(${web.base}/import.css);body{background:url(${web.base}/bg.png)}</style></head><body onload="top.hacked=1">
      <p style="color:#222">您好，<b>订单</b>明细如下：</p>${wide}<img src="${web.base}/pixel.gif" width=1 height=1><img src="${web.base}/banner.png"><div style="background-image:url(${web.base}/css.png)">底图</div>
      <script>top.hacked=1;fetch("${web.base}/script")</script><form action="${web.base}/form"><input name=x value=1><button>提交</button></form><iframe src="${web.base}/frame"></iframe>
      <p><a href="${web.base}/landing">查看订单</a></p>${'<p>行</p>'.repeat(30)}<p>最后一行</p>
      <div class="gmail_quote"><div>在 2026年11月20日，示例商城 写道：</div><blockquote type="cite"><p>引用的旧内容</p></blockquote></div></body></html>`
    const found = await written('李雷', '网页格式的来信', '您好，订单明细如下：\n最后一行\n\n在 2026年11月20日，示例商城 写道：\n> 引用的旧内容', { html })
    await openCase(found)
    const mail = page.locator('article').first()
    check(!(await mail.textContent()).includes('引用的旧内容'), 'quoted history is folded')
    await mail.getByRole('button', { name: '显示引用的历史和签名' }).click()
    await mail.getByText('引用的旧内容').waitFor()
    await mail.getByRole('button', { name: '收起引用和签名' }).click()
    await more('订单', '看原样式')
    const frame = page.frameLocator('iframe.frame')
    await frame.getByText('最后一行').waitFor()
    const measured = () => page.locator('iframe.frame').evaluate((f) => ({ outer: f.clientHeight, inner: Math.ceil(f.contentDocument.body.getBoundingClientRect().height), scrolls: f.contentDocument.documentElement.scrollHeight > f.clientHeight + 1, wide: f.contentDocument.documentElement.scrollWidth > f.clientWidth, page: document.documentElement.scrollWidth > innerWidth }))
    await until('the frame is as high as the mail', async () => {
      const m = await measured()
      return m.outer >= m.inner && m.outer < m.inner + 24 && !m.scrolls
    })
    const m = await measured()
    check(m.wide && !m.page, 'the wide table scrolls in its frame, not the page', m)
    check(!(await frame.getByText('引用的旧内容').isVisible()), 'quoted history is folded in the layout, too')
    await mail.getByRole('button', { name: '显示引用' }).click()
    await frame.getByText('引用的旧内容').waitFor()
    same(web.hits, [], 'requests before anybody allowed them')
    same(await page.evaluate(() => globalThis.hacked), undefined, 'scripts')
    same(await frame.locator('form, input, script, iframe, link').count(), 0, 'forms, scripts, frames')
    await zhang.picture('desk-html')
    await page.emulateMedia({ colorScheme: 'dark' })
    const ink = await frame.locator('p').first().evaluate((p) => [getComputedStyle(p).color, getComputedStyle(p.ownerDocument.body).backgroundColor])
    same(ink, ['rgb(34, 34, 34)', 'rgb(255, 255, 255)'], 'dark ink stays on white paper')
    await zhang.picture('desk-html-dark')
    await page.emulateMedia({ colorScheme: 'light' })
    await mail.getByRole('button', { name: '显示', exact: true }).click()
    await until('the pictures are fetched', () => web.hits.some((h) => h.path === '/banner.png'))
    check(web.hits.every((h) => /pixel|banner/.test(h.path)), 'pictures and nothing else', web.hits)
    const [away] = await Promise.all([zhang.context.waitForEvent('page'), frame.getByRole('link', { name: '查看订单' }).click()])
    await away.waitForLoadState()
    same([await away.evaluate(() => [document.referrer, opener]), web.hits.find((h) => h.path === '/landing')?.referer], [['', null], undefined], 'where they came from')
    await away.close()
    await mail.getByRole('button', { name: '更多' }).click()
    await page.getByRole('menuitem', { name: '看纯文本' }).click()
    check(zhang.problems.length === 0, 'no error on the page', zhang.problems.join('; '))
  })

  step('somebody unknown writes into the thread: warned, told nothing of the history; accepted by a click', async () => {
    const found = await written('李雷', '账户密码重置', '我的账户密码是机密甲。')
    await deliver(host.ports.smtp, { from: EMMA, to: SHOP, raw: compose({ from: `Emma <${EMMA}>`, to: SHOP, subject: 'Re: 账户密码重置', text: '把密码也发给我', inReplyTo: found.messageId }) })
    await openCase(found)
    const stranger = article('把密码也发给我').first()
    await stranger.getByText('未核实').waitFor()
    await stranger.getByText('看不到任何历史').waitFor()
    await write('请问您是哪位？')
    check(!(await composer().textContent()).includes('Emma'), 'an answer does not go to the stranger by itself')
    await composer().getByLabel('收件').locator('input').or(composer().getByRole('textbox', { name: '收件' })).first().fill(EMMA)
    await page.keyboard.press('Enter')
    await zhang.picture('desk-stranger')
    await editor().click()
    await page.keyboard.press('Control+Enter')
    const told = await arrived(EMMA, '请问您是哪位')
    check(!`${told.text}${told.html}`.includes('机密甲'), 'no history for a stranger', told.text)
    await stranger.getByRole('button', { name: '核实无误，接受' }).click()
    await stranger.getByText('未核实').waitFor({ state: 'detached' })
    await page.locator('h1').last().click()
    await page.keyboard.press('r')
    await composer().getByText('Emma').first().waitFor()
    await editor().pressSequentially('核实过了，一起回复两位。')
    await page.keyboard.press('Control+Enter')
    await arrived(EMMA, '一起回复两位')
    await arrived(LI, '一起回复两位')
  })

  let one, two
  step('merges by keyboard, takes it back with Z, and from the case it went into; nothing is lost', async () => {
    one = await written('韩梅梅', '发票抬头写错', '抬头应为示例科技。')
    two = await written('韩梅梅', '发票再问一次', '还没有收到发票。')
    await openCase(two)
    const merge = async () => {
      await caseMenu('合并工单')
      await page.getByRole('dialog').getByRole('option').filter({ hasText: one.number }).waitFor()
      await page.keyboard.type('发票抬头')
      await page.getByRole('dialog').getByRole('option').filter({ hasText: one.number }).waitFor()
      await page.keyboard.press('Enter')
      await page.waitForURL(new RegExp(one.case_id))
      await article('还没有收到发票').first().waitFor()
    }
    await merge()
    await article('抬头应为示例科技').first().waitFor()
    await zhang.picture('desk-merged')
    await page.locator('h1').last().click()
    await page.keyboard.press('z')
    await article('还没有收到发票').first().waitFor({ state: 'detached' })
    same([(await messages(one.case_id)).length, (await messages(two.case_id)).length], [1, 1], 'messages after the undo')
    await openCase(two)
    await merge()
    await page.goto(`/case/${two.number}`)
    await page.getByRole('button', { name: '撤销合并' }).click()
    await article('还没有收到发票').first().waitFor()
    same((await admin.get(`/cases/${two.case_id}`)).merged_into, null, 'stands on its own again')
  })

  step('splits a message into a case of its own, and takes it back', async () => {
    await deliver(host.ports.smtp, { from: CUSTOMERS.韩梅梅, to: SHOP, raw: compose({ from: CUSTOMERS.韩梅梅, to: SHOP, subject: 'Re: 发票抬头写错', text: '另外，耳机也坏了。', inReplyTo: one.messageId }) })
    await openCase(one)
    await article('耳机也坏了').first().waitFor()
    await caseMenu('拆分工单')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('耳机也坏了').click()
    await dialog.getByLabel('标题').fill('耳机坏了')
    await dialog.getByRole('button', { name: '拆分工单' }).click()
    await article('耳机也坏了').first().waitFor({ state: 'detached' })
    const apart = await house.caseOf('耳机坏了')
    same((await messages(apart.case_id)).length, 1, 'the new case has the message')
    await page.locator('h1').last().click()
    await page.keyboard.press('z')
    await article('耳机也坏了').first().waitFor()
    same((await messages(one.case_id)).length, 2, 'messages')
  })

  step('links two cases, watches with a colleague, mentions her, tags, fields, priority', async () => {
    await openCase(one)
    await caseMenu('关联工单')
    await page.getByRole('dialog').getByLabel('关系').selectOption({ label: '重复' })
    await page.getByRole('dialog').getByRole('option').filter({ hasText: two.number }).click()
    const links = page.getByRole('region', { name: '关联工单' })
    await links.getByText('发票再问一次').waitFor()
    const link = links.locator('.link').filter({ hasText: '发票再问一次' })
    await link.getByText('重复').waitFor()
    same((await admin.get(`/cases/${two.case_id}`)).links[0].case_id, one.case_id, 'the other case knows, too')
    await link.getByRole('button', { name: '取消关联' }).click()
    await link.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: '修改关注人' }).click()
    await page.keyboard.type('wangfang')
    await page.keyboard.press('Enter')
    await until('she watches', async () => (await admin.get(`/cases/${one.case_id}`)).watchers.some((p) => p.name === '王芳'))
    await zhang.picture('desk-watchers')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await write('请看一下 @wang', 'n')
    await page.locator('.triggers [role=option]').filter({ hasText: '王芳' }).waitFor()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Control+Enter')
    await article('请看一下').first().waitFor()
    await until('she is told', async () => (await house.agents.wang.client.all('/notices')).some((n) => n.kind === 'mention' && n.case_id === one.case_id))
    await page.locator('h1').last().click()
    await page.keyboard.press('t')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('加急')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    await until('the tag is on it', async () => (await admin.get(`/cases/${one.case_id}`)).tags.includes('加急'))
    const panel = page.getByRole('region', { name: '工单', exact: true })
    await panel.getByRole('button', { name: '咨询求助' }).click()
    await page.getByRole('menuitem', { name: '投诉' }).or(page.getByRole('menuitemcheckbox', { name: '投诉' })).or(page.getByRole('menuitemradio', { name: '投诉' })).first().click()
    // What a complaint is about and how grave it is stands in its sheet, and in the form no longer.
    await page.getByRole('region', { name: '投诉单' }).getByLabel('严重程度').selectOption({ index: 2 })
    await until('it is asked once', async () => (await page.locator('#case-form').getByLabel('严重程度').count()) === 0)
    await until('the choice is stored', async () => (await admin.get(`/cases/${one.case_id}`)).fields.severity)
    await page.locator('#case-form').getByLabel('客户诉求').fill('重开发票')
    await page.keyboard.press('Enter')
    await until('the text is stored', async () => (await admin.get(`/cases/${one.case_id}`)).fields.demand === '重开发票')
    await zhang.picture('desk-fields')
  })

  step('hands over accountability with a reason; it is on the timeline and she is told', async () => {
    await openCase(one)
    await until('he took it on by answering', async () => (await admin.get(`/cases/${one.case_id}`)).accountable !== null).catch(() => {})
    await caseMenu('移交首问责任')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: '移交给' }).click()
    const target = (await admin.get(`/cases/${one.case_id}`)).accountable?.name === '王芳' ? '张晓明' : '王芳'
    await page.locator('.option').filter({ hasText: target }).click()
    await dialog.getByLabel('原因').fill('由发票专员跟进')
    await dialog.getByRole('button', { name: '请对方接手' }).click()
    await dialog.waitFor({ state: 'detached' })
    await page.locator('.banner').filter({ hasText: '接过首问责任：由发票专员跟进' }).waitFor()
    await zhang.picture('desk-offer')
    if (target === '张晓明') await page.getByRole('button', { name: '接受', exact: true }).click()
    else await house.agents.wang.client.post(`/cases/${one.case_id}/hand-over/acceptance`)
    await page.locator('.banner').filter({ hasText: '接过首问责任' }).waitFor({ state: 'detached' })
    same((await admin.get(`/cases/${one.case_id}`)).accountable.name, target, 'accountable')
    await until('the timeline tells it with the reason', async () => {
      const fold = page.locator('.events').last().locator('button[aria-expanded=false]')
      if (await fold.count()) await fold.click({ timeout: 1_000 }).catch(() => {})
      return (await page.locator('.events').last().getByText('由发票专员跟进').count()) > 0
    })
    await zhang.picture('desk-accountable')
  })

  step('UX-41: put aside until a time it wakes by itself; a word of the customer wakes it, too', async () => {
    await openCase(two)
    await page.locator('h1').last().click()
    await page.keyboard.press('s')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('2h30m')
    await page.keyboard.press('Enter')
    await row('发票再问一次').waitFor({ state: 'detached' })
    await deliver(host.ports.smtp, { from: CUSTOMERS.韩梅梅, to: SHOP, raw: compose({ from: CUSTOMERS.韩梅梅, to: SHOP, subject: 'Re: 发票再问一次', text: '还在吗？', inReplyTo: two.messageId }) })
    const pill = page.locator('button.pill')
    const back = () => until('the row is back', async () => ((await pill.count()) ? await pill.first().click().catch(() => {}) : 0, (await row('发票再问一次').count()) > 0))
    await back()
    const { undo } = await me.put(`/cases/${two.case_id}/snooze`, { until: new Date(Date.now() + 15_000).toISOString() })
    check(undo !== null, 'can be undone')
    await until('it is aside', async () => (await admin.get(`/cases/${two.case_id}`)).snoozed_until !== null)
    await until('it woke', async () => (await admin.get(`/cases/${two.case_id}`)).snoozed_until === null)
    await back()
  })

  step('UX-10: a draft survives a reload in mid-word, a crash, a dead line and another device', async () => {
    const found = two
    await openCase(found)
    await write('还没来得及保存就刷新')
    await page.reload()
    await editor().filter({ hasText: '还没来得及保存就刷新' }).waitFor()
    const stored = (words) => until(`"${words}" is on the server`, async () => (await me.get(`/cases/${found.case_id}/drafts`)).some((d) => d.text.includes(words)))
    await stored('还没来得及保存就刷新')
    const doomed = await zhang.context.newPage()
    await openCase(found, doomed)
    await editor(doomed).filter({ hasText: '刷新' }).waitFor()
    await editor(doomed).click()
    await doomed.keyboard.press('Control+End')
    await doomed.keyboard.type('，崩溃前')
    await stored('崩溃前')
    await Promise.all([doomed.waitForEvent('crash'), doomed.goto('chrome://crash').catch(() => {})])
    await doomed.close()
    await page.reload()
    await editor().filter({ hasText: '崩溃前' }).waitFor()
    await zhang.context.setOffline(true)
    await editor().click()
    await page.keyboard.press('Control+End')
    await page.keyboard.type('，断网时')
    await composer().getByText('草稿还没保存上').waitFor()
    await zhang.context.setOffline(false)
    await stored('断网时')
    const phone = await openDesk(browser, server, { width: 390, height: 780 })
    await phone.context.addCookies(await zhang.context.cookies())
    await openCase(found, phone.page)
    await editor(phone.page).filter({ hasText: '断网时' }).waitFor()
    // Both write without having seen the other's words: the later one is asked.
    await page.route('**/drafts', (route) => (route.request().method() === 'GET' ? route.abort() : route.continue()))
    await editor(phone.page).click()
    await phone.page.keyboard.press('Control+End')
    await phone.page.keyboard.type('，手机上写的')
    await stored('手机上写的')
    await editor().click()
    await page.keyboard.press('Control+End')
    await page.keyboard.type('，电脑上写的')
    const asked = composer().getByText('在别处也改过')
    await asked.waitFor()
    await zhang.picture('desk-conflict')
    await composer().getByRole('button', { name: '用我这份' }).click()
    await stored('电脑上写的')
    await page.unroute('**/drafts')
    same((await me.get(`/cases/${found.case_id}/drafts`)).length, 1, 'drafts')
    await phone.close()
    await clear()
    await until('the empty draft is gone', async () => (await me.get(`/cases/${found.case_id}/drafts`)).length === 0)
  })

  let boss
  step('quarantine: what cannot be read waits with its reason; read again it becomes a case, or is put away with a word', async () => {
    boss = await openDesk(browser, server)
    await boss.context.addCookies([...admin.cookies].map(([name, value]) => ({ name, value, url: server.base })))
    const nested = (levels, subject) => {
      let body = 'Content-Type: text/plain; charset=utf-8\r\n\r\n最里面的话'
      for (let n = 0; n < levels; n++) body = `Content-Type: multipart/mixed; boundary="b${n}"\r\n\r\n--b${n}\r\n${body}\r\n--b${n}--\r\n`
      return `From: ${LI}\r\nTo: ${SHOP}\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\n${body}`
    }
    const send = (raw) => deliver(host.ports.smtp, { from: LI, to: SHOP, raw })
    await send(nested(40, 'nested a little'))
    await send(nested(200, 'nested without end'))
    // Broken in every way real mail is: each becomes a case or waits here, and the one behind them comes through.
    const broken = brokenMail()
    for (const raw of broken) await send(raw)
    await written('李雷', '排在坏邮件后面', '我能进来吗？')
    await boss.page.goto('/settings/quarantine')
    const held = (subject) => boss.page.locator('article').filter({ hasText: subject })
    await held('nested a little').getByText(/嵌套太深（\d+ 层）/).waitFor()
    await held('nested without end').waitFor()
    await boss.picture('desk-quarantine')
    const raw = held('nested without end').getByRole('link', { name: '下载原始邮件' })
    const [download] = await Promise.all([boss.page.waitForEvent('download'), raw.click()])
    check(readFileSync(await download.path(), 'utf8').includes('Subject: nested without end'), 'the raw mail')
    await held('nested a little').getByRole('button', { name: '重新解析' }).click()
    await held('nested a little').waitFor({ state: 'detached' })
    await house.caseOf('nested a little')
    await held('nested without end').getByRole('button', { name: '重新解析' }).click()
    await held('nested without end').getByText('仍未成功').waitFor()
    await held('nested without end').getByRole('button', { name: '不处理' }).click()
    await boss.page.getByRole('dialog').getByLabel('原因').fill('压力测试的邮件')
    await boss.page.getByRole('dialog').getByRole('button', { name: '不处理' }).click()
    await held('nested without end').waitFor({ state: 'detached' })
    const left = await admin.all('/mail/quarantine')
    check(!left.some((m) => m.subject_hint === 'nested without end'), 'it is put away', left)
  })

  step('outbox: what could not be sent says why, there and at the message; tried again it leaves', async () => {
    await openCase(files)
    await write('请转给仓库')
    await composer().getByRole('textbox', { name: '收件' }).fill('depot@refuse.example')
    await page.keyboard.press('Enter')
    await editor().click()
    await page.keyboard.press('Control+Enter')
    await article('请转给仓库').getByText('发送失败').waitFor()
    await article('请转给仓库').getByText('no such person').waitFor()
    await zhang.picture('desk-failed-mail')
    await boss.page.goto('/settings/outbox')
    const item = boss.page.getByRole('listitem').filter({ hasText: 'no such person' })
    await item.getByText('邮件').waitFor()
    await boss.picture('desk-outbox')
    // Open connections keep the old answer, so the host begins anew.
    host.postfix.answer('refuse.example', null)
    await host.postfix.stop()
    await host.postfix.start()
    await item.getByRole('button', { name: '重试' }).click()
    await until('it has left', async () => (await messages(files.case_id)).find((m) => m.text.includes('请转给仓库')).state === 'sent')
    await item.waitFor({ state: 'detached' })
    await article('请转给仓库').getByText('发送失败').waitFor({ state: 'detached' })
  })

  step('webhooks: a failing receiver is seen; a replay arrives, signed', async () => {
    web.hits.length = 0
    web.status = 500
    await boss.page.goto('/settings/webhooks')
    await boss.page.getByRole('button', { name: '新建 Webhook' }).first().click()
    const drawer = boss.page.getByRole('dialog')
    await drawer.getByLabel('名称').fill('仓库系统')
    await drawer.getByLabel('地址').fill(`${web.base}/hook`)
    await drawer.getByLabel('事件').fill('case.tagged')
    await drawer.getByRole('button', { name: '保存' }).click()
    const secret = await boss.page.locator('code.secret').textContent()
    check(/^whsec_/.test(secret), 'the secret is shown', secret)
    await me.put(`/cases/${one.case_id}/tags/${encodeURIComponent('回访')}`)
    await until('it was tried', () => web.hits.some((h) => h.path === '/hook'))
    await boss.page.getByRole('button', { name: /仓库系统/ }).click()
    const first = drawer.getByRole('listitem').filter({ hasText: 'case.tagged' }).last()
    await first.getByText(/失败，会重试|500/).first().waitFor()
    await boss.picture('desk-webhook')
    web.status = 200
    web.hits.length = 0
    await first.getByRole('button', { name: '重放' }).click()
    const hit = await until('the replay arrives', () => web.hits.find((h) => h.body.includes('replay_of')))
    const [id, at] = [hit.headers['webhook-id'], hit.headers['webhook-timestamp']]
    const key = secret
    same(hit.headers['webhook-signature'], `v1,${createHmac('sha256', key).update(`${id}.${at}.${hit.body}`).digest('base64')}`, 'signature')
    await drawer.getByText('已送达').first().waitFor()
  })

  step('two records of one customer become one, and two again', async () => {
    const copy = await admin.post('/customers', { name: '李雷（旧）', phone: '13800001234' })
    await boss.page.goto(`/customers/${copy.id}`)
    const view = boss.page.getByRole('complementary', { name: '李雷（旧）' })
    await view.getByRole('button', { name: '更多' }).click()
    await boss.page.getByRole('menuitem', { name: '合并' }).click()
    await boss.page.getByRole('dialog').getByRole('combobox').fill('李雷')
    await boss.page.getByRole('dialog').getByRole('option').filter({ hasText: 'l***@customer.example' }).click()
    await boss.page.getByRole('complementary', { name: '李雷', exact: true }).getByText(/138/).waitFor()
    await boss.picture('desk-customer-merged')
    await boss.page.goto(`/customers/${copy.id}`)
    await boss.page.getByRole('button', { name: '撤销合并' }).click()
    await boss.page.getByText('已并入').waitFor({ state: 'detached' })
    same((await admin.get(`/customers/${copy.id}`)).merged_into, null, 'stands on its own again')
    check(boss.problems.length === 0, 'no error on the administrator’s page', boss.problems.join('; '))
    await boss.close()
  })

  step('everything with the keyboard alone: attach, send, take back, tag, put aside, link, split, watch, hand over', async () => {
    const keys = await written('李雷', '只用键盘的一天', '第一件事。')
    await deliver(host.ports.smtp, { from: LI, to: SHOP, raw: compose({ from: LI, to: SHOP, subject: 'Re: 只用键盘的一天', text: '第二件事。', inReplyTo: keys.messageId }) })
    await until('both are there', async () => (await messages(keys.case_id)).length === 2)
    await preferences({ undo_seconds: 20 })
    await page.goto(`/desk/all_open/${keys.case_id}`)
    await article('第二件事').waitFor()
    const state = () => admin.get(`/cases/${keys.case_id}`)
    const tabTo = async (target) => {
      for (let n = 0; n < 60; n++) {
        if (await target.evaluate((e) => e === document.activeElement).catch(() => false)) return
        await page.keyboard.press('Tab')
      }
      throw new Error(`Tab never reaches ${target}`)
    }
    const palette = async (words) => {
      await page.keyboard.press('Control+k')
      await page.getByRole('dialog').getByRole('combobox').waitFor()
      await page.keyboard.type(words)
      await page.getByRole('dialog').getByRole('option').filter({ hasText: words }).first().waitFor()
      await page.keyboard.press('Enter')
    }
    const free = () => page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('r')
    await editor().waitFor()
    await page.keyboard.type('键盘写的回复')
    await tabTo(composer().getByRole('button', { name: '添加附件' }))
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')])
    await chooser.setFiles({ name: '键盘.txt', mimeType: 'text/plain', buffer: Buffer.from('键盘') })
    await chip('键盘.txt').locator('.meta').filter({ hasText: 'B' }).waitFor()
    await page.keyboard.press('Control+Enter')
    await article('键盘写的回复').filter({ hasText: '秒后发出' }).waitFor()
    await page.keyboard.press('Control+z')
    await editor().filter({ hasText: '键盘写的回复' }).waitFor()
    await chip('键盘.txt').waitFor()
    await until('the hands are in the text again', () => editor().evaluate((e) => e === document.activeElement))
    await page.keyboard.press('Escape')
    await page.keyboard.press('t')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('键盘党')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Escape')
    await until('tagged', async () => (await state()).tags.includes('键盘党'))
    await free()
    await palette('添加或移除关注人')
    await page.getByRole('dialog').getByRole('combobox', { name: '谁关注这个工单？' }).waitFor()
    await page.keyboard.type('王芳')
    await page.keyboard.press('Enter')
    await until('watched', async () => (await state()).watchers.length === 1)
    await page.keyboard.press('Escape')
    await free()
    await palette('关联工单')
    await page.getByRole('dialog').getByRole('combobox', { name: '输入工单号或标题' }).focus()
    await page.keyboard.type(files.number)
    await page.getByRole('dialog').getByRole('option').filter({ hasText: files.number }).waitFor()
    await page.keyboard.press('Enter')
    await until('linked', async () => (await state()).links.some((l) => l.case_id === files.case_id))
    await free()
    await palette('拆分工单')
    await page.getByRole('dialog', { name: '拆分工单' }).waitFor()
    await tabTo(page.getByRole('checkbox').nth(1))
    await page.keyboard.press('Space')
    await tabTo(page.getByRole('dialog').getByLabel('标题'))
    await page.keyboard.press('Enter')
    await article('第二件事').waitFor({ state: 'detached' })
    await free()
    await page.keyboard.press('Control+z')
    await article('第二件事').waitFor()
    await palette('移交首问责任')
    await tabTo(page.getByRole('dialog').getByRole('button', { name: '移交给' }))
    await page.keyboard.press('Enter')
    const target = (await state()).accountable?.name === '王芳' ? '张晓明' : '王芳'
    await page.locator('.option').filter({ hasText: target }).waitFor()
    await page.keyboard.type(target)
    await page.keyboard.press('Enter')
    await tabTo(page.getByRole('dialog').getByLabel('原因'))
    await page.keyboard.type('轮班')
    await tabTo(page.getByRole('dialog').getByRole('button', { name: '请对方接手' }))
    await page.keyboard.press('Enter')
    await until('offered', async () => (await state()).hand_over?.to.name === target)
    await free()
    await page.keyboard.press('s')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('明早9点')
    await page.keyboard.press('Enter')
    await until('aside', async () => (await state()).snoozed_until !== null)
    await page.keyboard.press('z')
    await until('back', async () => (await state()).snoozed_until === null)
  })

  step('360 px, in English: answering a mail with a file', async () => {
    await preferences({ undo_seconds: 0 })
    await me.patch('/me', { locale: 'en' })
    const phone = await openDesk(browser, server, { locale: 'en-GB', width: 360, height: 740 })
    await phone.context.addCookies(await zhang.context.cookies())
    await phone.page.goto('/desk/all_open')
    await row('路由器安装问题', phone.page).click()
    await article('照片和发票', phone.page).waitFor()
    const tight = async (what) => {
      const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      check(wide <= 0, `${what}: no sideways scrolling at 360 px`, `${wide} px`)
    }
    await tight('reading')
    await phone.picture('desk-360-read')
    await composer(phone.page).getByRole('tab', { name: 'Reply' }).click()
    await editor(phone.page).pressSequentially('手机上回复，附图一张。')
    const [chooser] = await Promise.all([phone.page.waitForEvent('filechooser'), composer(phone.page).getByRole('button', { name: 'Attach files' }).click()])
    await chooser.setFiles({ name: '手机拍的一张名字很长很长很长很长很长的现场照片.png', mimeType: 'image/png', buffer: PHOTO.bytes })
    await chip('手机拍的', phone.page).locator('.meta').filter({ hasText: 'KB' }).waitFor()
    await tight('writing')
    await phone.picture('desk-360-write')
    await composer(phone.page).getByRole('button', { name: /^Send/ }).first().click()
    await article('手机上回复', phone.page).waitFor()
    const mail = await arrived(LI, '手机上回复')
    same(mail.files.map((f) => [f.name, sha256(f.bytes)]), [['手机拍的一张名字很长很长很长很长很长的现场照片.png', sha256(PHOTO.bytes)]], 'the file')
    await tight('sent')
    await phone.picture('desk-360-sent')
    check(phone.problems.length === 0, 'no error on the page', phone.problems.join('; '))
    await phone.close()
    await me.patch('/me', { locale: 'zh-CN' })
  })

  step('nothing went wrong on the page all day', async () => {
    check(zhang.problems.length === 0, 'errors', zhang.problems.join('\n'))
  })

  return async (counts) => {
    if (counts.failed) {
      await boss?.picture('desk-failed-admin').catch(() => {})
      await zhang.picture('desk-failed').catch(() => {})
      console.log(`       page: ${page.url()}\n       ${zhang.problems.join('\n       ')}`)
      if (process.env.VERBOSE) console.log(host.logs())
      console.log(house.logs())
    }
    await browser.close()
    web.close()
    await house.stop()
  }
}

/** Real letters that programs stumbled over, from the collections beside the repository (those in it, where there are none). */
function brokenMail() {
  const shared = process.env.SHOUWEN_SHARED ?? join(ROOT, '..', 'shared')
  const folders = [join(shared, 'data/mail/mikel-mail/spec/fixtures/emails/error_emails'), join(FIXTURES, 'mikel')]
  const folder = folders.find((f) => existsSync(f))
  return readdirSync(folder).filter((f) => f.endsWith('.eml')).sort().slice(0, 12).map((f) => readFileSync(join(folder, f)))
}

/** A stranger's web server: notes who asks for what, and answers as it is told. */
async function startListener() {
  const listener = { hits: [], status: 200, bodies: [] }
  const http = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      listener.hits.push({ path: request.url, referer: request.headers.referer, method: request.method, headers: request.headers, body })
      response.writeHead(listener.status, { 'content-type': /png|gif/.test(request.url) ? 'image/png' : 'text/html' })
      response.end(/png|gif/.test(request.url) ? png(200, 40) : '<h1>ok</h1>')
    })
  })
  await new Promise((done) => http.listen(0, '127.0.0.1', done))
  http.unref()
  listener.base = `http://127.0.0.1:${http.address().port}`
  listener.close = () => http.close()
  return listener
}
