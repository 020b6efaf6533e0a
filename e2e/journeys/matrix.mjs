// Every role against every route, generated from the server's own OpenAPI document: who lacks the permission is refused,
// who holds it is not, and nobody gets in without signing in. A new route without a permission fails here.
import { Client } from '../lib/api.mjs'
import { addPerson, setUp, startServer } from '../lib/server.mjs'
import { startPostgres } from '../lib/postgres.mjs'
import { until } from '../lib/proc.mjs'
import { check, same, step } from '../lib/runner.mjs'

const METHODS = ['get', 'post', 'put', 'patch', 'delete']
const NOBODY = '00000000000000000000000001'
// These would end the very session that asks; they need no permission but being signed in, and have tests of their own.
const ENDS_SESSION = new Set(['DELETE /api/v1/session', 'DELETE /api/v1/sessions', 'DELETE /api/v1/sessions/{id}', 'PUT /api/v1/me/password', 'DELETE /api/v1/me/totp'])

/** A path with something plausible, but not existing, in each place. */
function fill(path, operation) {
  return path.replace(/\{(\w+)\}/g, (_, name) => {
    const parameter = operation.parameters?.find((p) => p.name === name)
    const schema = JSON.stringify(parameter?.schema ?? {})
    const prefix = /([a-z]{3})_01/.exec(schema)?.[1] ?? /`([a-z]{3})_`/.exec(schema)?.[1] ?? guess(path, name)
    if (['mode', 'tag', 'number', 'what'].includes(name)) return name === 'mode' ? 'reply' : 'x'
    return `${prefix}_${NOBODY}`
  })
}

function guess(path, name) {
  if (name === 'person_id') return 'per'
  if (name === 'case_id' || path.includes('/cases/')) return 'cas'
  return { people: 'per', teams: 'tea', roles: 'rol', 'org-units': 'org', customers: 'cus', inboxes: 'inb', messages: 'msg', jobs: 'job', canned: 'can', views: 'vie' }[path.split('/')[3]] ?? 'obj'
}

async function ask(client, method, path) {
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? {} : undefined
  try {
    const answer = await client.request(method, path, { body, raw: true })
    return { status: answer.status }
  } catch (error) {
    return { status: error.status, code: error.code, text: error.message }
  }
}

export default async function matrix() {
  const database = process.env.DATABASE === 'postgres' ? (await startPostgres()).url : undefined
  const server = await startServer({ database })
  const admin = await setUp(server)
  const document = await admin.get('/openapi.json')
  const roles = (await admin.all('/roles')).filter((r) => r.built_in && r.key !== 'administrator')
  const team = await admin.post('/teams', { name: '权限组' })
  const clients = []
  const operations = []
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) if (item[method]) operations.push({ method: method.toUpperCase(), path, operation: item[method], permission: item[method]['x-permission'] })
  }

  step('every route says which permission it needs', async () => {
    const silent = operations.filter((o) => !o.permission).map((o) => `${o.method} ${o.path}`)
    check(silent.length === 0, 'routes without x-permission', silent)
    const known = new Set((await admin.all('/permissions')).map((p) => p.code))
    const unknown = operations.filter((o) => !['public', 'signed_in'].includes(o.permission) && !known.has(o.permission)).map((o) => `${o.method} ${o.path}: ${o.permission}`)
    check(unknown.length === 0, 'permissions nobody declares', unknown)
    check(operations.length > 100, 'the document is whole', String(operations.length))
    const named = new Set(Object.keys(document.components.schemas))
    const dangling = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g)].map((m) => m[1]).filter((name) => !named.has(name))
    check(dangling.length === 0, 'references that lead nowhere', [...new Set(dangling)])
  })

  step('nobody gets in without signing in', async () => {
    const stranger = new Client(server.base)
    const open = []
    for (const { method, path, operation, permission } of operations) {
      if (permission === 'public') continue
      const { status } = await ask(stranger, method, fill(path, operation))
      if (status !== 401) open.push(`${method} ${path} → ${status}`)
    }
    check(open.length === 0, 'open routes', open)
  })

  step('people with each built-in role', async () => {
    check(roles.length >= 4, 'built-in roles', roles.map((r) => r.key))
    for (const role of roles) {
      const person = await addPerson(admin, server, { name: `测试${role.key}`, email: `${role.key}@matrix.example`, role: role.key, teams: [team.id] })
      clients.push({ role, client: person.client })
    }
  })

  step('each role gets exactly what its permissions say', async () => {
    const wrong = []
    let asked = 0
    for (const { role, client } of clients) {
      const held = new Set((await client.get('/session')).permissions)
      for (const { method, path, operation, permission } of operations) {
        if (permission === 'public' || ENDS_SESSION.has(`${method} ${path}`)) continue
        const { status, code } = await ask(client, method, fill(path, operation))
        asked += 1
        const allowed = permission === 'signed_in' || held.has(permission)
        if (status >= 500) wrong.push(`${role.key}: ${method} ${path} → ${status}`)
        else if (allowed && (status === 401 || (status === 403 && code === 'forbidden'))) wrong.push(`${role.key} holds ${permission} and is refused: ${method} ${path} → ${status}`)
        else if (!allowed && status !== 403) wrong.push(`${role.key} lacks ${permission} and gets in: ${method} ${path} → ${status}`)
      }
    }
    console.log(`       ${asked} pairs of role and route`)
    check(wrong.length === 0, 'the matrix holds', wrong)
  })

  step('a team’s customer is not there for another team, by any route', async () => {
    const teams = [await admin.post('/teams', { name: '宽带组' }), await admin.post('/teams', { name: '账务组' })]
    const [ours, theirs] = await Promise.all(
      teams.map((t, i) => addPerson(admin, server, { name: `坐席${i}`, email: `agent${i}@matrix.example`, role: 'supervisor', reach: 'team', teams: [t.id] })),
    )
    const made = await ours.client.post('/cases', { title: '来电咨询', team_id: teams[0].id, customer: { name: '赵六', email: 'zhao@matrix.example', phone: '13800138000' } })
    const patiently = (ask) => until('it comes', ask, { every: 100 })
    const customer = await patiently(async () => (await ours.client.get(`/cases/${made.case.id}`)).customer)
    const shown = await patiently(() => ours.client.get(`/customers/${customer.id}`))
    same(shown.identities.length, 2, 'addresses of the customer of a case made by hand')
    const bodies = {
      'PATCH /api/v1/customers/{id}': { version: shown.version, name: '改名' },
      'POST /api/v1/customers/{id}/revelation': { what: `identity:${shown.identities[0].id}` },
      'POST /api/v1/customers/{id}/identities': { kind: 'phone', value: '13900139000' },
      'POST /api/v1/customers/{id}/merge': { into: customer.id.replace(/.$/, (c) => (c === '0' ? '1' : '0')) },
    }
    const seen = []
    let asked = 0
    for (const { method, path } of operations.filter((o) => o.path.startsWith('/api/v1/customers/{id}'))) {
      const target = path.replace('{id}', customer.id).replace('{identity_id}', shown.identities[0].id)
      const { status } = await theirs.client.request(method, target, { body: bodies[`${method} ${path}`], raw: true }).catch((error) => error)
      asked += 1
      if (status !== 404) seen.push(`${method} ${path} → ${status}`)
    }
    check(asked >= 6, 'the customers routes were found', String(asked))
    for (const q of ['', '赵六', 'zhaoliu', 'zl', 'zhao@matrix.example', '13800138000', customer.id]) {
      const found = await theirs.client.get(`/customers?q=${encodeURIComponent(q)}`)
      if (found.items.length) seen.push(`GET /customers?q=${q} finds ${found.items.length}`)
      const own = await ours.client.get(`/customers?q=${encodeURIComponent(q)}`)
      if (own.items.length !== 1) seen.push(`their own team finds ${own.items.length} by q=${q}`)
    }
    await patiently(async () => (await ours.client.get(`/search?q=${encodeURIComponent('赵六')}`)).customers.length === 1)
    const searched = await theirs.client.get(`/search?q=${encodeURIComponent('赵六')}`)
    if (searched.customers.length || searched.cases.length) seen.push('GET /search finds them')
    const rows = await theirs.client.get(`/desk/customers/${customer.id}/cases`)
    if (rows.items.length) seen.push('GET /desk/customers/{id}/cases lists their cases')
    const taken = await theirs.client.post('/customers', { name: '抢', phone: '13800138000' }).catch((error) => error)
    if (taken.status !== 409 || JSON.stringify(taken.detail ?? taken.body ?? null).includes(customer.id)) seen.push(`a taken number says whose it is: ${taken.status}`)
    const named = await theirs.client.post('/cases', { title: '越权', team_id: teams[1].id, customer_id: customer.id }).catch((error) => error)
    if (named.status !== 422) seen.push(`a case can be opened in their name: ${named.status}`)
    check(seen.length === 0, 'hidden', seen)
    // The case is handed over: now they serve them, and the first team's colleagues do no longer.
    await ours.client.request('PUT', `/cases/${made.case.id}/assignment`, { body: { person_id: null, team_id: teams[1].id } })
    await patiently(() => theirs.client.get(`/customers/${customer.id}`))
    await patiently(async () => (await theirs.client.get(`/search?q=${encodeURIComponent('赵六')}`)).customers.length === 1)
  })

  return async () => server.stop()
}
