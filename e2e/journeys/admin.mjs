// Whoever keeps the machine: backs up while people work, puts it back elsewhere, changes the master key, starts it wrongly; on either
// database, with the program alone. Every refusal says what to do.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { freePort, newest, run, tempDir, until } from '../lib/proc.mjs'
import { startPostgres } from '../lib/postgres.mjs'
import { check, same, step } from '../lib/runner.mjs'
import { ADMIN, BINARY, setUp, signIn, startServer } from '../lib/server.mjs'

export default async function admin() {
  const cluster = process.env.DATABASE === 'postgres' ? await startPostgres() : null
  const server = await startServer({ database: cluster?.url })
  const boss = await setUp(server)
  const room = tempDir('admin')
  const [backup, elsewhere] = ['backup.2026.11', 'elsewhere'].map((name) => join(room, name))
  const at = (data, url) => ['--data', data, ...(url ? ['--database', url] : [])]
  const here = at(server.dir, cluster?.url)
  const shouwen = (...args) => {
    const done = spawnSync(BINARY, args, { encoding: 'utf8', timeout: 600_000 })
    return { status: done.status, said: done.stdout + done.stderr }
  }
  const well = (...args) => {
    const done = shouwen(...args)
    same(done.status, 0, `shouwen ${args.slice(0, 3).join(' ')} ends well: ${done.said}`)
    return done.said
  }
  const wrong = (words, ...args) => {
    const done = shouwen(...args)
    check(done.status > 0 && words.every((word) => done.said.includes(word)), `shouwen ${args.slice(0, 3).join(' ')} is refused with words that help`, done)
  }
  let other

  const made = await boss.post('/cases', { title: '备份前的工单', text: '请尽快处理', customer: { name: '李雷', email: 'li@customer.example', phone: '13800138000' } })
  const customer = await until('the case has its customer', async () => (await boss.get(`/cases/${made.case.id}`)).customer)
  const phone = async (who) => {
    const shown = await who.get(`/customers/${customer.id}`)
    const identity = shown.identities.find((one) => one.kind === 'phone')
    return (await who.post(`/customers/${customer.id}/revelation`, { what: `identity:${identity.id}`, reason: '核对' })).value
  }

  step('a backup beside a working server: private, checked, and damage is named', async () => {
    well('backup', ...here, '--to', backup)
    same(statSync(backup).mode & 0o777, 0o700, 'only its owner may enter the folder')
    same(statSync(server.dir).mode & 0o077 & ~0o055, 0, 'nobody else writes to the data')
    well('backup', 'verify', backup)
    wrong(['is there already'], 'backup', ...here, '--to', backup)
    const file = join(backup, 'keys.toml')
    const kept = readFileSync(file)
    writeFileSync(file, kept.toString().replace('1 = ', '2 = '))
    wrong(['keys.toml is not as it was written', 'undamaged'], 'backup', 'verify', backup)
    writeFileSync(file, kept)
  })

  step('it is not put over a house people work in', async () => {
    if (!cluster) wrong(['a server is running', 'stop it first'], 'restore', backup, ...here, '--replace')
    same((await boss.get(`/cases/${made.case.id}`)).title, '备份前的工单', 'the server works on')
  })

  step('put back elsewhere, it is the same house, and the doctor is content', async () => {
    let url
    if (cluster) {
      const bin = newest('/usr/lib/postgresql', 'bin')
      const dump = join(room, 'shouwen.dump')
      run(join(bin, 'pg_dump'), ['--format=custom', `--file=${dump}`, cluster.url])
      url = cluster.createDatabase('elsewhere')
      run(join(bin, 'pg_restore'), ['--no-owner', '--dbname', url, dump])
    }
    well('restore', backup, ...at(elsewhere, url))
    well('doctor', ...at(elsewhere, url))
    other = await startServer({ dir: elsewhere, database: url })
    other.secondFactors = server.secondFactors
    const again = await signIn(other, ADMIN.email)
    same((await again.get(`/cases/${made.case.id}`)).title, '备份前的工单', 'the case')
    same(await phone(again), '+8613800138000', 'what is sealed can be read')
    await other.stop()
  })

  step('bytes nothing refers to are told of beside a working server, and nothing goes before its days are over', async () => {
    const form = new FormData()
    form.append('file', new Blob(['x'.repeat(100_000)]), '不发了.txt')
    const { id } = await boss.post('/uploads', form)
    const before = JSON.parse(well('admin', 'blobs', ...here, '--json'))
    same([before.now.loose, before.now.due, before.days], [0, 0, 30], 'an upload is referred to, and so is everything else')
    check(well('admin', 'blobs', '--collect', ...here).includes('collected    0 blobs'), 'nothing goes')
    same((await boss.get(`/attachments/${id}`, { raw: true })).text.length, 100_000, 'and the file is there')
    wrong(['from 1 to'], 'admin', 'blobs', ...here, '--unreferenced-days', '0')
    wrong(['not a command'], 'admin', 'blobs', 'collect', ...here)
  })

  step('a second server, a taken port and a misspelt folder are told apart', async () => {
    if (!cluster) wrong(['another shouwen already serves'], 'serve', ...here, '--listen', `127.0.0.1:${await freePort()}`)
    wrong(['cannot listen', 'a free port'], 'serve', ...at(join(room, 'fresh')), '--listen', `127.0.0.1:${server.port}`)
    wrong(['there is no Shouwen data'], 'doctor', ...at(join(room, 'misspelt'), cluster?.url))
    wrong(['there is no Shouwen data'], 'admin', 'keys', 'reseal', ...at(join(room, 'misspelt'), cluster?.url))
    if (cluster) wrong(['keys.toml'], 'serve', ...at(join(room, 'no-keys'), cluster.url), '--listen', `127.0.0.1:${await freePort()}`)
  })

  step('a new master key: what older ones sealed is sealed anew beside the server, once it knows the key', async () => {
    well('admin', 'keys', 'rotate', ...at(server.dir))
    wrong(['restart the server'], 'admin', 'keys', 'reseal', ...here)
    same(await phone(boss), '+8613800138000', 'a refused run has changed nothing')
    await server.stop()
    await server.again()
    const said = well('admin', 'keys', 'reseal', ...here)
    check(/^[1-9]\d* values in [1-9]\d* rows were sealed anew with key 2; nothing older is left/m.test(said), 'it tells what it did', said)
    check(/^0 values in 0 rows/m.test(well('admin', 'keys', 'reseal', ...here)), 'a second run has nothing to do')
    same(await phone(await signIn(server, ADMIN.email)), '+8613800138000', 'the running server reads what was sealed anew')
    well('doctor', ...here)
  })

  if (cluster) {
    step('the line to PostgreSQL is sealed when the address says so, and a wrong certificate is refused', async () => {
      const ca = (name) => `${cluster.url}?sslmode=verify-full&sslrootcert=${join(cluster.tls, name)}`
      wrong(['certificate', 'sslrootcert'], 'doctor', ...at(server.dir, ca('other-ca.pem')))
      await server.stop()
      const sealed = await startServer({ dir: server.dir, database: ca('ca.pem') })
      sealed.secondFactors = server.secondFactors
      check(Number(cluster.psql("select count(*) from pg_stat_ssl join pg_stat_activity using (pid) where datname = 'shouwen' and ssl", 'postgres')) >= 4, 'its connections are sealed')
      same(await phone(await signIn(sealed, ADMIN.email)), '+8613800138000', 'and it works')
      await sealed.stop()
    })
  }

  return async (counts) => {
    if (counts.failed) console.log(server.logText())
    await other?.stop()
    await server.stop()
  }
}
