// The real binary on a temporary folder.
import { existsSync, readFileSync } from 'node:fs'
import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { PATIENCE, ROOT, freePort, start, tempDir, until } from './proc.mjs'
import { Client } from './api.mjs'
import { Skip } from './runner.mjs'

export const BINARY = process.env.SHOUWEN_E2E_BINARY ?? join(ROOT, 'target/debug/shouwen')
export const PASSWORD = 'correct horse 首问 staple'
export const ADMIN = { name: '林若溪', email: 'admin@shop.example' }

/**
 * Starts the server. `database`: a postgres:// address, else SQLite in the folder. `ca`: a certificate authority to trust.
 * `stop()` ends it politely, `kill()` at once, `again()` starts it on the same data and port.
 */
export async function startServer({ database, dir = tempDir('data'), ca, env = {}, args = [], readyWithin = PATIENCE } = {}) {
  if (!existsSync(BINARY)) throw new Skip(`there is no ${BINARY}; run: make build`)
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  const log = join(dir, '..', `${dir.split('/').pop()}.log`)
  const server = { dir, port, base, log, database, setupLink: null, startedIn: null }
  server.again = async () => {
    const began = performance.now()
    const proc = start(
      BINARY,
      ['serve', '--data', dir, '--listen', `127.0.0.1:${port}`, '--base-url', base, '--allow-private-host', '127.0.0.1', '--allow-private-host', 'localhost',
        ...(database ? ['--database', database] : []), ...args],
      {
        log,
        env: { ...(ca ? { SSL_CERT_FILE: ca } : {}), ...env },
        onLine: (line) => {
          server.setupLink = /(http\S+\/setup\?token=\S+)/.exec(line)?.[1] ?? server.setupLink
        },
      },
    )
    server.proc = proc
    server.pid = proc.pid
    await until('the server is ready', () => fetch(`${base}/readyz`, { signal: AbortSignal.timeout(10_000) }).then((r) => r.status === 200), { process: proc, timeout: readyWithin, every: 10 })
    server.startedIn = performance.now() - began
    return server
  }
  server.stop = () => server.proc.stop('SIGTERM', PATIENCE)
  server.kill = () => server.proc.stop('SIGKILL')
  /** What it said, without colours and without the line each request leaves. */
  server.logText = (lines = 60) =>
    readFileSync(log, 'utf8').replace(/\x1b\[\d+m/g, '').split('\n').filter((line) => !/INFO request /.test(line)).slice(-lines).join('\n')
  return server.again()
}

/** Does the set-up through the API and answers the administrator's client. */
export async function setUp(server, { organisation = '示例商城', locale = 'zh-CN', timeZone = 'Asia/Shanghai' } = {}) {
  await until('the set-up link is printed', () => server.setupLink, { process: server.proc })
  const admin = new Client(server.base)
  const token = new URL(server.setupLink).searchParams.get('token')
  admin.viewer = await admin.post('/setup', { token, organisation, locale, time_zone: timeZone, password: PASSWORD, ...ADMIN })
  if (admin.viewer.mfa?.required) await enrol(server, admin)
  return admin
}

/** Enrols a second factor; the recovery codes stay with the server object, so that [signIn] can use one each time. */
export async function enrol(server, client) {
  const { secret } = await client.post('/me/totp')
  const { recovery_codes: codes } = await client.post('/me/totp/confirmation', { code: oneTimeCode(secret) })
  client.viewer = await client.get('/session')
  server.secondFactors ??= new Map()
  server.secondFactors.set(client.viewer.person.email, { secret, codes: [...codes] })
}

/** A client signed in as somebody. */
export async function signIn(server, email, password = PASSWORD) {
  const client = new Client(server.base)
  try {
    client.viewer = await client.post('/session', { email, password })
  } catch (error) {
    const code = error.code === 'session.code_required' && server.secondFactors?.get(email)?.codes.pop()
    if (!code) throw error
    client.viewer = await client.post('/session', { email, password, code })
  }
  return client
}

/** A new member of staff who has accepted the invitation. */
export async function addPerson(admin, server, { name, email, role, reach = 'workspace', teams = [] }) {
  const roles = (await admin.get('/roles')).items ?? (await admin.get('/roles'))
  const found = roles.find((r) => r.key === role) ?? roles.find((r) => r.key?.includes(role))
  if (!found) throw new Error(`no role "${role}" among ${roles.map((r) => r.key)}`)
  const person = await admin.post('/people', { name, email, teams, roles: [{ role_id: found.id, reach, ...(reach === 'team' ? { team_id: teams[0] } : {}) }] })
  const invitation = await admin.post(`/people/${person.id}/invitation`, {})
  await new Client(server.base).post('/invitation', { token: new URL(invitation.link, server.base).searchParams.get('token'), name, password: PASSWORD })
  return { person, client: await signIn(server, email) }
}

/** RFC 6238, as an authenticator app computes it. */
export function oneTimeCode(secret, at = Date.now()) {
  const bits = [...secret.replace(/[^A-Z2-7]/gi, '').toUpperCase()].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const mac = createHmac('sha1', key).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
