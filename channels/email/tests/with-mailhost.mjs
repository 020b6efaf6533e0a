#!/usr/bin/env node
// with-mailhost.mjs COMMAND…: runs a command beside a private Dovecot and Postfix; their ports and files are told in
// SHOUWEN_TEST_MAILHOST (JSON). Example: node channels/email/tests/with-mailhost.mjs cargo test -p shouwen-email
// XOAUTH2 lets in whoever shows the token `good.ADDRESS`.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { cleanUp } from '../../../e2e/lib/proc.mjs'
import { startMailHost } from '../../../e2e/lib/mailhost.mjs'

const users = ['service', 'sales', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((name) => `${name}@shop.example`).concat(['li', 'wang', 'zhao'].map((name) => `${name}@customer.example`))
// RFC 7662: whose is this token?
const introspection = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
    const token = new URLSearchParams(body).get('token') ?? ''
    const known = token.startsWith('good.')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(known ? { active: true, username: token.slice('good.'.length) } : { active: false }))
  })
})
await new Promise((done) => introspection.listen(0, '127.0.0.1', done))
const host = await startMailHost({ users, introspection: `http://127.0.0.1:${introspection.address().port}/introspect` })
const told = { ports: host.ports, ca: host.tls.ca, password: host.password, dovecot: host.dovecot.conf, postfix: host.postfix.conf, boxes: `${host.dir}/boxes` }
const [command, ...rest] = process.argv.slice(2)
const child = spawn(command, rest, { stdio: 'inherit', env: { ...process.env, SHOUWEN_TEST_MAILHOST: JSON.stringify(told) } })
const status = await new Promise((done) => child.once('exit', (code) => done(code ?? 1)).once('error', () => done(127)))
if (status !== 0 && process.env.KEEP) console.log(host.logs())
await host.stop()
cleanUp()
process.exit(status)
