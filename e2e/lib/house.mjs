// A small shop to play in: mail host, server, administrator, a team of two agents, a manager, an inbox, a few customers' cases.
import { startMailHost } from './mailhost.mjs'
import { startPostgres } from './postgres.mjs'
import { addPerson, setUp, startServer } from './server.mjs'
import { compose, deliver } from './smtp.mjs'
import { until } from './proc.mjs'

export const SHOP = 'service@shop.example'
export const CUSTOMERS = { 李雷: 'li@customer.example', 韩梅梅: 'han@customer.example', 'Emma Stone-Field': 'emma@customer.example' }
const LETTERS = [
  ['李雷', '路由器坏了，申请退款', '您好，我上周买的路由器坏了，订单号 SF1234567890，请尽快处理。'],
  ['韩梅梅', '发票什么时候能开？', '上个月的订单还没有收到发票，抬头是示例科技有限公司。'],
  ['Emma Stone-Field', 'Refund for order 2026-7781', 'Hello, I returned the headphones two weeks ago and still wait for the refund.'],
  ['李雷', '宽带一直掉线', '从昨天晚上开始，每隔十分钟就掉线一次，已经重启过光猫。'],
  ['韩梅梅', '会员积分兑换失败', '兑换页面提示系统繁忙，试了三次都不行。'],
]

/**
 * Answers `{ server, host, admin, agents: {zhang, wang}, manager, team, inbox, send, cases, stop }`.
 * `more`: mailboxes beside the shop's and its customers', e.g. of staff who get letters.
 */
export async function openHouse({ letters = true, more = [] } = {}) {
  const database = process.env.DATABASE === 'postgres' ? (await startPostgres()).url : undefined
  const host = await startMailHost({ users: [SHOP, ...Object.values(CUSTOMERS), ...more] })
  const server = await startServer({ ca: host.tls.ca, database })
  const admin = await setUp(server)
  const team = await admin.post('/teams', { name: '售后一组' })
  const agents = {
    zhang: await addPerson(admin, server, { name: '张晓明', email: 'zhang@shop.example', role: 'agent', teams: [team.id] }),
    wang: await addPerson(admin, server, { name: '王芳', email: 'wang@shop.example', role: 'agent', teams: [team.id] }),
  }
  const manager = await addPerson(admin, server, { name: '赵经理', email: 'zhao@shop.example', role: 'manager', teams: [] })
  const inbox = await admin.post('/inboxes', {
    name: '售后服务', address: SHOP, kind: 'email', active: true, team_id: team.id, default_language: 'zh', signature: '示例商城 售后一组',
    incoming: { protocol: 'imap', host: 'localhost', port: host.ports.imaps, tls: 'tls', auth: 'password', user: SHOP, password: host.password, folder: 'INBOX' },
    outgoing: { host: 'localhost', port: host.ports.smtp, tls: 'starttls', auth: 'password', user: SHOP, password: host.password },
  })
  await until('the inbox is being read', async () => (await admin.get(`/inboxes/${inbox.id}`)).health.state === 'ok')
  const send = (who, subject, text, more = {}) =>
    deliver(host.ports.smtp, { from: CUSTOMERS[who], to: SHOP, raw: compose({ from: `${/^[\x20-\x7e]*$/.test(who) ? who : `=?UTF-8?B?${Buffer.from(who).toString('base64')}?=`} <${CUSTOMERS[who]}>`, to: SHOP, subject, text, ...more }) })
  const cases = () => admin.all('/desk/cases?view=all_open')
  if (letters) {
    for (const letter of LETTERS) await send(...letter)
    await until('the letters are cases', async () => (await cases()).length >= LETTERS.length, { every: 300 })
  }
  return {
    server, host, admin, agents, manager, team, inbox, send, cases,
    caseOf: (title) => until(`a case "${title}"`, async () => (await admin.all('/desk/cases?view=all_open')).find((r) => r.title.includes(title)), { every: 200 }),
    logs: () => `--- ${server.log}\n${server.logText()}`,
    async stop() {
      await server.stop()
      await host.stop()
    },
  }
}
