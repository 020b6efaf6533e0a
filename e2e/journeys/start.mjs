// A fresh folder, a first start, the set-up link; stop, start again.
import { existsSync, statSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { Client, refused } from '../lib/api.mjs'
import { BINARY, setUp, signIn, startServer, ADMIN, PASSWORD } from '../lib/server.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { residentMiB } from '../lib/proc.mjs'
import { startPostgres } from '../lib/postgres.mjs'

export default async function start() {
  const database = process.env.DATABASE === 'postgres' ? (await startPostgres()).url : undefined
  const server = await startServer({ database })
  let admin

  step('CLI-01: ready with no configuration and prints a one-time link', async () => {
    console.log(`       ready in ${Math.round(server.startedIn)} ms (the budget is measured by make bench)`)
    const anyone = new Client(server.base)
    same((await anyone.get('/setup')).needed, true, 'set-up is needed')
    await refused(anyone.get('/cases/cas_00000000000000000000000000'), 401)
    admin = await setUp(server)
    same(admin.viewer.person.email, ADMIN.email, 'the administrator is signed in')
    same((await anyone.get('/setup')).needed, false, 'set-up is done')
    const token = new URL(server.setupLink).searchParams.get('token')
    await refused(anyone.post('/setup', { token, organisation: 'x', locale: 'en', time_zone: 'UTC', name: 'x', email: 'x@shop.example', password: PASSWORD }))
  })
  step('health, readiness, version, API document, the page itself', async () => {
    for (const path of ['/healthz', '/readyz', '/version', '/api/v1/openapi.json', '/api/v1/docs', '/']) {
      const response = await fetch(server.base + path)
      check(response.status === 200, `${path} answers 200`, String(response.status))
    }
    const api = await (await fetch(`${server.base}/api/v1/openapi.json`)).json()
    check(/^3\.1/.test(api.openapi) && Object.keys(api.paths).length > 50, 'OpenAPI 3.1 with every route', `${api.openapi}, ${Object.keys(api.paths).length} paths`)
  })
  step('signing in: wrong password, right password, session ended', async () => {
    await refused(signIn(server, ADMIN.email, 'wrong password 1'), 401)
    const again = await signIn(server, ADMIN.email)
    await again.delete('/session')
    await refused(again.get('/session'), 401)
  })
  step('another origin may not write with the cookie', async () => {
    const error = await refused(admin.request('PATCH', '/me', { body: { name: 'x' }, headers: { origin: 'https://evil.example' } }))
    check([400, 403].includes(error.status), 'refused', error.message)
  })
  step('an unknown route, field and value are told apart', async () => {
    same((await refused(admin.get('/no-such-thing'))).status, 404, 'route')
    const field = await refused(admin.post('/cases', { title: 'x', colour: 'red' }))
    same(field.status, 422, field.message)
    check(JSON.stringify(field.body).includes('colour'), 'names the field', field.message)
  })
  step('CLI-02: every command explains itself; a wrong option is named', async () => {
    for (const command of ['serve', 'admin', 'import', 'mail', 'doctor', 'backup', 'restore', 'migrate', 'config']) {
      const result = spawnSync(BINARY, [command, '--help'], { encoding: 'utf8' })
      check(result.status === 0 && result.stdout.length > 80, `${command} --help`, `${result.status} ${result.stdout}${result.stderr}`)
    }
    const wrong = spawnSync(BINARY, ['serve', '--dta', 'x'], { encoding: 'utf8' })
    same(wrong.status, 2, 'exit code of wrong use')
    check(wrong.stderr.includes('--data'), 'names the nearest option', wrong.stderr)
  }, { apart: true })
  step('CLI-12: stops on SIGTERM, starts again with everything', async () => {
    const ended = await server.stop()
    same(ended.code, 0, 'exit code')
    await server.again()
    same((await signIn(server, ADMIN.email)).viewer.person.name, ADMIN.name, 'the administrator is there')
    check(existsSync(server.dir) && statSync(server.dir).isDirectory(), 'the data folder stands')
    console.log(`       ready again in ${Math.round(server.startedIn)} ms, resident ${residentMiB(server.pid).toFixed(0)} MiB (development build)`)
  })
  return () => server.stop()
}
