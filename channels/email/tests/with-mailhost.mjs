#!/usr/bin/env node
// with-mailhost.mjs COMMAND…: runs a command beside a private Dovecot and Postfix; their ports and files are told in
// SHOUWEN_TEST_MAILHOST (JSON). Example: node channels/email/tests/with-mailhost.mjs cargo test -p shouwen-email
import { spawnSync } from 'node:child_process'
import { cleanUp } from '../../../e2e/lib/proc.mjs'
import { startMailHost } from '../../../e2e/lib/mailhost.mjs'

const users = ['service', 'sales', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((name) => `${name}@shop.example`).concat(['li', 'wang', 'zhao'].map((name) => `${name}@customer.example`))
const host = await startMailHost({ users })
const told = { ports: host.ports, ca: host.tls.ca, password: host.password, dovecot: host.dovecot.conf, postfix: host.postfix.conf, boxes: `${host.dir}/boxes` }
const [command, ...rest] = process.argv.slice(2)
const result = spawnSync(command, rest, { stdio: 'inherit', env: { ...process.env, SHOUWEN_TEST_MAILHOST: JSON.stringify(told) } })
if (result.status !== 0 && process.env.KEEP) console.log(host.logs())
await host.stop()
cleanUp()
process.exit(result.status ?? 1)
