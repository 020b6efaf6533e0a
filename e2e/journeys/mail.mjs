// The main job on real mail: Postfix takes it, Dovecot keeps it, we fetch, answer, and lose or double nothing whatever breaks.
import { createHash, randomBytes } from 'node:crypto'
import { chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startMailHost } from '../lib/mailhost.mjs'
import { startPostgres } from '../lib/postgres.mjs'
import { compose, deliver, proxyTo } from '../lib/smtp.mjs'
import { setUp, startServer } from '../lib/server.mjs'
import { sleep, until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'

const SHOP = 'service@shop.example'
const POP = 'pop@shop.example'
const LI = 'li@customer.example'
const STRANGER = 'stranger@customer.example'

export default async function mail() {
  const database = process.env.DATABASE === 'postgres' ? (await startPostgres({ durable: true })).url : undefined
  const host = await startMailHost({ users: [SHOP, POP, LI, STRANGER] })
  const imap = await proxyTo(host.ports.imaps)
  const server = await startServer({ ca: host.tls.ca, database })
  const admin = await setUp(server)
  const { password } = host
  const outgoing = { host: 'localhost', port: host.ports.smtp, tls: 'starttls', auth: 'password', user: SHOP, password }
  const incoming = { protocol: 'imap', host: 'localhost', port: imap.port, tls: 'tls', auth: 'password', user: SHOP, password, folder: 'INBOX' }
  let inbox

  const send = (options) => {
    const raw = compose({ from: `李雷 <${LI}>`, to: SHOP, ...options })
    return deliver(host.ports.smtp, { from: options.envelope ?? LI, to: options.box ?? SHOP, raw }).then(() => raw)
  }
  const cases = () => admin.all('/desk/cases?view=all_open')
  const titled = async (title) => (await cases()).filter((row) => row.title.includes(title))
  const appears = (title, n = 1) => until(`${n} case(s) "${title}"`, async () => {
    const found = await titled(title)
    return found.length >= n && found
  }, { every: 200 })
  const messages = async (id) => (await admin.all(`/cases/${id}/timeline`)).filter((i) => i.kind === 'message')
  const arrives = (box, text) => until(`mail with "${text}" for ${box}`, () => host.mailbox(box).find((m) => readable(m).includes(text)), { every: 200 })
  const place = (box, name, raw) => {
    const file = join(host.dir, 'boxes', box, 'new', name)
    writeFileSync(file, raw)
    chownSync(file, 8, 8)
  }
  const reading = (box) => until('the inbox is being read', async () => (await admin.get(`/inboxes/${box.id}`)).health.state === 'ok')
  const marker = () => randomBytes(6).toString('hex')

  step('an inbox is tested before it is saved: right and wrong password told apart', async () => {
    const good = await admin.post('/inboxes/test', { incoming, outgoing })
    check(good.incoming.ok && good.outgoing.ok, 'both ways work', good)
    const bad = await admin.post('/inboxes/test', { incoming: { ...incoming, password: 'wrong' }, outgoing: { ...outgoing, password: 'wrong' } })
    check(!bad.incoming.ok && !bad.outgoing.ok, 'both refuse', bad)
    check(bad.incoming.reply && bad.incoming.advice, 'with the reply and advice', bad.incoming)
    inbox = await admin.post('/inboxes', { name: '售后服务', address: SHOP, kind: 'email', active: true, incoming, outgoing, default_language: 'zh' })
    check(!JSON.stringify(await admin.get(`/inboxes/${inbox.id}`)).includes(password), 'the password is never shown again')
    await reading(inbox)
  })

  let first
  step('a message becomes a conversation and a case with a customer and clocks', async () => {
    await send({ subject: '路由器坏了，申请退款', text: '您好，\r\n我上周买的路由器坏了，订单号 SF1234567890，请尽快处理。\r\n李雷' })
    const began = Date.now()
    const [row] = await appears('路由器坏了')
    console.log(`       in the list ${Date.now() - began} ms after the server took it`)
    first = await admin.get(`/cases/${row.case_id}`)
    check(/^\d{4}-\d{6}$/.test(first.number), 'has a number', first.number)
    same(first.channel, 'email', 'channel')
    check(first.customer?.name === '李雷', 'customer from the sender', first.customer)
    const [message] = await messages(first.id)
    check(message.text.includes('SF1234567890') && message.direction === 'in', 'its text', message)
  })

  step('the raw message is kept byte for byte', async () => {
    const [message] = await messages(first.id)
    const raw = await fetch(`${server.base}/api/v1/messages/${message.id}/raw`, { headers: { cookie: [...admin.cookies].map(([k, v]) => `${k}=${v}`).join('; ') } })
    const [kept, original] = [Buffer.from(await raw.arrayBuffer()).toString('latin1').replace(/\r\n/g, '\n'), host.mailbox(SHOP)[0].replace(/\r\n/g, '\n')]
    same(createHash('sha256').update(kept).digest('hex'), createHash('sha256').update(Buffer.from(original).toString('latin1')).digest('hex'), 'sha256')
  })

  let reply
  step('the answer arrives at the customer as a reply to their message', async () => {
    const [message] = await messages(first.id)
    const mark = marker()
    const sent = await admin.post(`/cases/${first.id}/messages`, { kind: 'reply', text: `您好，退款已经受理。${mark}`, based_on: message.id, undo_seconds: 0 })
    reply = await arrives(LI, mark)
    const original = /^message-id:\s*(\S+)/im.exec(host.mailbox(SHOP)[0])[1]
    check(header(reply, 'in-reply-to')?.includes(original), 'In-Reply-To names the message', header(reply, 'in-reply-to'))
    check(header(reply, 'from').includes(SHOP), 'from the inbox', header(reply, 'from'))
    check(/^<.+@.+>$/.test(header(reply, 'message-id')), 'with a Message-ID')
    await until('it is marked as sent', async () => (await messages(first.id)).find((m) => m.id === sent.message.id)?.state === 'sent')
  })

  step('the customer answers: the same case; another sender in the thread is unverified', async () => {
    await send({ subject: '回复: 路由器坏了，申请退款', text: '谢谢，请问多久到账？', inReplyTo: header(reply, 'message-id') })
    await until('it is in the case', async () => (await messages(first.id)).some((m) => m.text.includes('多久到账')))
    await send({ from: `王五 <${STRANGER}>`, envelope: STRANGER, subject: 'Re: 路由器坏了', text: '我也想知道', inReplyTo: header(reply, 'message-id') })
    await until('the stranger is in the case', async () => (await messages(first.id)).some((m) => m.text.includes('我也想知道') && m.verified === false))
    same((await titled('路由器坏了')).length, 1, 'cases')
  })

  step('a bare case number in a subject threads nothing', async () => {
    const mark = marker()
    await send({ from: `王五 <${STRANGER}>`, envelope: STRANGER, subject: `关于工单 ${first.number} ${mark}`, text: '请告诉我进展' })
    const [row] = await appears(mark)
    check(row.case_id !== first.id, 'a case of its own')
  })

  step('reused Message-ID: two messages; missing Message-ID: each once; the same bytes twice: once', async () => {
    const [a, b] = [marker(), marker()]
    await send({ subject: `同号一 ${a}`, text: '第一封', messageId: `<same-${a}@customer.example>` })
    await send({ subject: `同号二 ${a}`, text: '第二封', messageId: `<same-${a}@customer.example>` })
    // Postfix would add a Message-ID, so these go straight into the mailbox.
    place(SHOP, `1.none-${b}.test`, compose({ from: LI, to: SHOP, subject: `无号一 ${b}`, text: '第一封', messageId: null }))
    place(SHOP, `2.none-${b}.test`, compose({ from: LI, to: SHOP, subject: `无号二 ${b}`, text: '第二封', messageId: null }))
    const twice = compose({ from: LI, to: SHOP, subject: `同文 ${marker()}`, text: '一模一样' })
    place(SHOP, `1.same-a-${a}.test`, twice)
    place(SHOP, `2.same-b-${a}.test`, twice)
    await until('all four are there', async () => {
      const rows = await cases()
      const texts = (await Promise.all(rows.filter((r) => r.title.includes(a) || r.title.includes(b)).map((r) => messages(r.case_id)))).flat()
      return texts.length === 4
    }, { every: 500 })
    await appears('同文')
    await sleep(2_000)
    const same1 = await titled('同文')
    same((await Promise.all(same1.map((r) => messages(r.case_id)))).flat().length, 1, 'the same bytes')
  })

  step('Chinese charsets, broken headers, HTML: shown right and harmless', async () => {
    const mark = marker()
    const gb = Buffer.concat([Buffer.from(`From: =?gb2312?B?${Buffer.from([0xc0, 0xee, 0xc0, 0xd7]).toString('base64')}?= <${LI}>\r\nTo: ${SHOP}\r\nMessage-ID: <gb-${mark}@customer.example>\r\nSubject: `),
      Buffer.from([0xcd, 0xcb, 0xbf, 0xee]), Buffer.from(` ${mark}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`), Buffer.from([0xc4, 0xfa, 0xba, 0xc3]), Buffer.from('\r\n')])
    place(SHOP, `3.gb-${mark}.test`, gb)
    const [row] = await appears(mark)
    check(row.title.startsWith('退款'), 'subject in raw GB2312', row.title)
    check((await messages(row.case_id))[0].text.startsWith('您好'), 'body in GB2312')
    const mark2 = marker()
    await send({ subject: `网页信 ${mark2}`, html: `<p>你好<script>alert(1)</script><img src="https://tracker.example/p.gif" onerror="alert(2)"><a href="javascript:alert(3)">x</a></p>`, text: '你好' })
    const [web] = await appears(mark2)
    const [message] = await messages(web.case_id)
    const answer = await admin.get(`/messages/${message.id}/html`, { raw: true })
    check(!/<script|onerror|javascript:|\ssrc="https?:\/\/tracker/i.test(answer.text), 'nothing runs, nothing remote loads', answer.text.slice(answer.text.indexOf('<body')))
    check(/default-src 'none'|sandbox/.test(answer.headers.get('content-security-policy') ?? ''), 'with a strict policy', answer.headers.get('content-security-policy'))
    check(message.remote_images >= 1, 'remote images are counted', message)
  })

  step('what cannot be parsed is quarantined and the next message goes on', async () => {
    const mark = marker()
    let nested = 'text\r\n'
    for (let n = 0; n < 200; n++) nested = `Content-Type: multipart/mixed; boundary="b${n}"\r\n\r\n--b${n}\r\n${nested}\r\n--b${n}--\r\n`
    place(SHOP, `4.deep-${mark}.test`, `From: ${LI}\r\nTo: ${SHOP}\r\nSubject: deep ${mark}\r\nMIME-Version: 1.0\r\n${nested}`)
    await send({ subject: `之后 ${mark}`, text: '我在它后面' })
    await appears(`之后 ${mark}`)
    const held = (await admin.all('/mail/quarantine')).length
    const shown = (await titled(`deep ${mark}`)).length
    check(held + shown >= 1, 'the deep one is either shown or quarantined, not lost', { held, shown })
  })

  step('connections that break in the middle of a fetch lose nothing and double nothing', async () => {
    const mark = marker()
    imap.cutAfter = 60_000
    for (let n = 0; n < 20; n++) {
      await send({ subject: `断线 ${mark} 第${n}封`, text: `第${n}封`, html: `<p>${randomBytes(20_000).toString('base64')}</p>` })
    }
    const before = imap.cuts
    imap.cutAll()
    await until('connections are cut in the middle', () => imap.cuts > before, { every: 200 })
    const cuts = imap.cuts - before
    imap.cutAfter = Infinity
    imap.cutAll()
    const found = await appears(mark, 20)
    await sleep(1_500)
    same((await titled(mark)).length, 20, `cases after ${cuts} cuts`)
    same((await Promise.all(found.map((r) => messages(r.case_id)))).flat().length, 20, 'messages')
  })

  step('UIDVALIDITY changes: nothing is doubled, new mail comes', async () => {
    const before = (await cases()).length
    host.dovecot.changeUidValidity(SHOP)
    const mark = marker()
    await send({ subject: `新纪元 ${mark}`, text: '还在吗' })
    await appears(mark)
    await sleep(3_000)
    same((await cases()).length, before + 1, 'cases')
  })

  step('the mail host goes away: the inbox says so; it comes back: mail comes', async () => {
    await host.dovecot.stop()
    await until('health says trouble', async () => (await admin.get(`/inboxes/${inbox.id}`)).health.state === 'trouble', { every: 500 })
    await host.dovecot.start()
    host.postfix.reload()
    const mark = marker()
    await send({ subject: `回来了 ${mark}`, text: '您好' })
    await appears(mark)
    await until('health says ok', async () => (await admin.get(`/inboxes/${inbox.id}`)).health.state === 'ok')
  })

  step('POP3: each message once, although the mailbox is kept', async () => {
    const old = await admin.post('/inboxes', { name: '旧邮箱', address: POP, kind: 'email', active: true, incoming: { protocol: 'pop3', host: 'localhost', port: host.ports.pop3s, tls: 'tls', auth: 'password', user: POP, password }, outgoing: { ...outgoing, user: POP } })
    await reading(old)
    const mark = marker()
    await send({ to: POP, box: POP, subject: `旧式 ${mark}`, text: '您好' })
    await appears(mark)
    await sleep(5_000)
    same((await titled(mark)).length, 1, 'cases')
  })

  const outcome = async (address, wanted) => {
    const row = await admin.post('/cases', { title: `发往 ${address} ${marker()}`, customer: { name: '赵六', email: address }, inbox_id: inbox.id, to: [address], text: '您好，这是我们的答复。' })
    const id = row.case?.id ?? row.id
    const state = () => messages(id).then((all) => all.find((m) => m.direction === 'out'))
    const reached = await until(`sending to ${address} is ${wanted}`, async () => {
      const m = await state()
      return wanted.includes(m?.state) && m
    }, { every: 300 })
    return { id, message: reached, state }
  }
  step('a refused message is failed, with the server’s words, and can be retried', async () => {
    const { message } = await outcome('nobody@refuse.example', ['failed'])
    check(JSON.stringify(message.error ?? '').includes('no such person'), 'the reason is shown', message.error)
    await admin.post(`/messages/${message.id}/retry`)
  })

  step('a deferred message waits and goes when the host takes it, once', async () => {
    const { message, state } = await outcome('later@defer.example', ['deferred', 'queued'])
    await until('it was tried', () => readFileSync(host.postfix.log, 'utf8').includes('451 4.3.0 <later@defer.example>'))
    host.postfix.answer('defer.example', null)
    await admin.post(`/messages/${message.id}/retry`).catch(() => {})
    await until('it is sent', async () => (await state()).state === 'sent', { every: 500 })
    const taken = readFileSync(host.postfix.log, 'utf8').match(/to=<later@defer\.example>.*status=sent/g) ?? []
    same(taken.length, 1, 'times it left')
  })

  step('a bounce comes home to its case and starts no conversation of machines', async () => {
    const before = (await cases()).length
    const { id } = await outcome('gone@later.example', ['sent', 'failed'])
    await until('the report is in the case', async () => {
      const all = await admin.all(`/cases/${id}/timeline`)
      return all.some((i) => i.kind === 'message' && (i.state === 'failed' || i.auto)) || all.some((i) => /fail|bounce|undeliver/.test(i.type ?? ''))
    }, { every: 500 })
    same((await cases()).length, before + 1, 'cases: the one we opened, none for the report')
    const mark = marker()
    await send({ subject: `自动回复 ${mark}`, text: '我在休假', headers: { 'Auto-Submitted': 'auto-replied' } })
    await sleep(4_000)
    check(!host.mailbox(LI).some((m) => readable(m).includes(mark)), 'an automatic message is not answered automatically')
  })

  step('kill -9 while 60 messages come in: each becomes exactly one', async () => {
    const mark = marker()
    const sending = (async () => {
      for (let n = 0; n < 60; n++) await send({ subject: `强杀 ${mark} 第${n}封`, text: `正文 ${n}` })
    })()
    for (let n = 0; n < 4; n++) {
      await sleep(300 + Math.random() * 700)
      await server.kill()
      await server.again()
    }
    await sending
    await appears(mark, 60)
    await sleep(2_000)
    const rows = await titled(mark)
    same(rows.length, 60, 'cases')
    same(new Set(rows.map((r) => r.title)).size, 60, 'different ones')
  })

  return async (counts) => {
    if (counts.failed) {
      if (process.env.VERBOSE) console.log(host.logs())
      console.log(`--- ${server.log}\n${server.logText()}`)
    }
    await server.stop()
    imap.close()
    await host.stop()
  }
}

/** A header of a raw message, unfolded. */
function header(raw, name) {
  const head = raw.split(/\r?\n\r?\n/)[0].replace(/\r?\n[ \t]+/g, ' ')
  return new RegExp(`^${name}:\\s*(.*)$`, 'im').exec(head)?.[1]
}

/** Raw text with its base64 and quoted-printable parts read. */
function readable(raw) {
  const parts = raw.split(/\r?\n\r?\n/)
  const decoded = parts.map((p) => {
    const flat = p.replace(/\s/g, '')
    return /^[A-Za-z0-9+/=]{8,}$/.test(flat.split('--')[0]) ? Buffer.from(flat.split('--')[0], 'base64').toString('utf8') : ''
  })
  const printable = Buffer.from(raw.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8')
  const words = raw.replace(/=\?utf-8\?B\?([^?]+)\?=\s*/gi, (_, b) => Buffer.from(b, 'base64').toString('utf8'))
  return [raw, printable, words, ...decoded].join('\n')
}
