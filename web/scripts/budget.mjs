// Fails the build when the pages grow past their budget (gzip, what a browser must load first).
import { readFileSync, readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const ENTRY_KB = 180
const ROUTE_KB = 60
/** Chunks that are loaded only when asked for, with budgets of their own. */
const LAZY = { editor: 150, pinyin: 200 }

const dist = new URL('../dist/', import.meta.url)
const html = readFileSync(new URL('index.html', dist), 'utf8')
const size = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length / 1000
const first = [...html.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].map((m) => m[1])
const entry = first.reduce((sum, file) => sum + size(file), 0)
const rows = readdirSync(new URL('assets/', dist))
  .filter((file) => file.endsWith('.js') && !first.includes(`assets/${file}`))
  .map((file) => ({ file, kb: size(`assets/${file}`), budget: LAZY[file.split('-')[0]] ?? ROUTE_KB }))
  .sort((a, b) => b.kb - a.kb)

console.log(`entry ${entry.toFixed(1)} kB gz of ${ENTRY_KB}: ${first.join(' ')}`)
for (const row of rows.slice(0, 8)) console.log(`  ${row.kb.toFixed(1)} kB gz of ${row.budget}  ${row.file}`)
const over = rows.filter((row) => row.kb > row.budget)
if (entry > ENTRY_KB || over.length > 0) {
  console.error(`over budget: ${[entry > ENTRY_KB ? 'entry' : '', ...over.map((row) => row.file)].filter(Boolean).join(', ')}`)
  process.exit(1)
}
