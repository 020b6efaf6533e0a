#!/usr/bin/env node
// with-postgres.mjs COMMAND…: runs the command with SHOUWEN_TEST_POSTGRES naming a private cluster that ends with it.
import { spawn } from 'node:child_process'
import { startPostgres } from '../lib/postgres.mjs'

const [command, ...args] = process.argv.slice(2)
if (!command) {
  console.error('usage: with-postgres.mjs COMMAND [ARGUMENT…]')
  process.exit(2)
}
const cluster = await startPostgres().catch((error) => {
  console.error(`with-postgres: ${error.message}`)
  process.exit(1)
})
console.error(`with-postgres: ${cluster.url}`)
const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, SHOUWEN_TEST_POSTGRES: cluster.url, SHOUWEN_TEST_POSTGRES_TLS: cluster.tls } })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.once('error', (error) => {
  console.error(`with-postgres: ${command}: ${error.message}`)
  process.exit(127)
})
child.once('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
