// A private PostgreSQL cluster in a temporary folder, gone at the end.
import { chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd, freePort, isRoot, newest, run, start, tempDir, until, which } from './proc.mjs'
import { Skip } from './runner.mjs'
import { makeCertificates, makeClientCertificate } from './tls.mjs'

/**
 * Starts a cluster. `durable` keeps fsync on: for tests of durability; others do without and are quicker.
 * It offers TLS with a certificate for localhost; `tls` is the folder of `ca.pem`, `cert.pem` and `other-ca.pem`, an authority
 * that has nothing to do with it. Its database `certified` takes only clients with a certificate: `client.pem` and `client.key`
 * are such, `somebody.*` belong to another user, `other-client.*` come from the other authority. Answers `{ url, port, tls, psql(sql, database), createDatabase(name), stop() }`.
 */
export async function startPostgres({ durable = false } = {}) {
  const bin = newest('/usr/lib/postgresql', 'bin') ?? (which('initdb') ? '' : null)
  if (bin === null) throw new Skip('PostgreSQL is not installed (Debian package: postgresql)')
  if (!which('openssl')) throw new Skip('openssl is not installed (Debian package: openssl)')
  const user = isRoot ? 'postgres' : undefined
  const dir = tempDir('postgres')
  const [data, port] = [join(dir, 'data'), await freePort()]
  mkdirSync(data, { mode: 0o700 })
  const [tls, other] = ['tls', 'other'].map((name) => join(dir, name))
  for (const path of [tls, other]) mkdirSync(path)
  const { cert, key } = makeCertificates(tls)
  copyFileSync(makeCertificates(other).ca, join(tls, 'other-ca.pem'))
  makeClientCertificate(tls, 'client', 'shouwen')
  makeClientCertificate(tls, 'somebody', 'somebody')
  const stranger = makeClientCertificate(other, 'other-client', 'shouwen')
  for (const path of Object.values(stranger)) copyFileSync(path, join(tls, path.split('/').pop()))
  if (isRoot) {
    const id = (flag) => Number(run('id', [flag, 'postgres']).trim())
    for (const path of [dir, data, key]) chownSync(path, id('-u'), id('-g'))
  }
  const as = (command, args) => (isRoot ? run('runuser', ['-u', user, '--', join(bin, command), ...args], { cwd: dir }) : run(join(bin, command), args, { cwd: dir }))
  as('initdb', ['-D', data, '-U', 'shouwen', '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'])
  const rules = join(data, 'pg_hba.conf')
  // The file stays whose it is: writing to it changes no owner.
  writeFileSync(rules, `hostssl certified all 127.0.0.1/32 cert\nhost certified all all reject\n${readFileSync(rules, 'utf8')}`)
  const settings = {
    listen_addresses: '127.0.0.1', port, unix_socket_directories: dir, max_connections: 200, shared_buffers: '128MB', ssl: 'on', ssl_cert_file: cert, ssl_key_file: key, ssl_ca_file: join(tls, 'ca.pem'),
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
  }
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
  const log = join(dir, '..', `${dir.split('/').pop()}.log`)
  writeFileSync(log, '')
  const server = start(join(bin, 'postgres'), ['-D', data, ...args], { log, user, cwd: dir })
  // runuser passes no SIGKILL on: the postmaster itself is told to stop at once.
  atEnd(() => {
    try {
      as('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop'])
    } catch {
      // it has ended already
    }
    run('rm', ['-f', log])
  })
  const psql = (sql, database = 'postgres') => run(join(bin, 'psql'), ['-h', '127.0.0.1', '-p', String(port), '-U', 'shouwen', '-d', database, '-qAtc', sql])
  await until('PostgreSQL answers', () => psql('select 1').trim() === '1', { process: server })
  psql('create database shouwen')
  psql('create database certified')
  return {
    port, tls,
    url: `postgres://shouwen@127.0.0.1:${port}/shouwen`,
    psql,
    createDatabase(name) {
      psql(`create database ${name}`)
      return `postgres://shouwen@127.0.0.1:${port}/${name}`
    },
    stop: (mode = 'fast') => as('pg_ctl', ['-D', data, '-m', mode, '-w', 'stop']),
    restart: () => as('pg_ctl', ['-D', data, '-w', '-l', join(dir, 'restart.log'), '-o', args.join(' '), 'start']),
  }
}
