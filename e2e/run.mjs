#!/usr/bin/env node
// run.mjs [JOURNEY…]: real servers and a real browser against the real binary. Without arguments: all of them.
// BROWSER, POSTGRES, KEEP=1 (keeps the temporary folders), ONLY=pattern (steps whose name matches), DATABASE=postgres.
import { finish, journey } from './lib/runner.mjs'

const ALL = ['hosts', 'start', 'admin', 'matrix', 'mail', 'agent', 'desk', 'manager', 'customer', 'friday', 'loop', 'packs', 'warnings', 'telecom', 'dealer']
const wanted = process.argv.slice(2)
for (const name of wanted) {
  if (!ALL.includes(name)) {
    console.error(`run.mjs: there is no journey "${name}"; there are: ${ALL.join(', ')}`)
    process.exit(2)
  }
}
const counts = []
for (const name of wanted.length ? wanted : ALL) {
  const module = await import(`./journeys/${name}.mjs`)
  counts.push(await journey(name, module.default))
}
finish(counts)
