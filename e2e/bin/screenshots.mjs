#!/usr/bin/env node
// screenshots.mjs [name …]: the pictures of the README, from the demo organisation, always the same size and state; named ones only.
import { mkdirSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT, cleanUp, tempDir } from '../lib/proc.mjs'
import { BINARY, startServer } from '../lib/server.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'

const out = join(ROOT, 'docs', 'img')
mkdirSync(out, { recursive: true })
// A demo that is there already is taken: SHOUWEN_DEMO_DATA=folder SHOUWEN_DEMO_PASSWORD=…
let [dir, password] = [process.env.SHOUWEN_DEMO_DATA, process.env.SHOUWEN_DEMO_PASSWORD]
if (!dir || !password) {
  dir = tempDir('pictures')
  const demo = spawnSync(BINARY, ['demo', '--data', dir], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 << 20 })
  if (demo.status !== 0) throw new Error(`shouwen demo ended with ${demo.status}`)
  password = /lead@example\.com\s+(\S+)/.exec(demo.stdout)[1]
}
const server = await startServer({ dir, readyWithin: 60_000 })
const browser = await startBrowser()
for (const [name, options, path, ready] of [
  ['desk-zh-light', {}, '/desk/all_open', 'article'],
  ['desk-zh-dark', { dark: true }, '/desk/all_open', 'article'],
  ['board-zh-light', {}, '/board', 'h1, h2'],
  ['stages-zh-light', {}, '/stages/request', '[data-card]'],
  ['warnings-zh-light', { who: 'admin@example.com' }, '/warnings', '.card'],
  ['phone-zh-light', { width: 390, height: 844 }, '/desk/all_open', '[role=option]'],
].filter(([name]) => process.argv.length < 3 || process.argv.slice(2).includes(name))) {
  const { who = 'lead@example.com', ...look } = options
  const desk = await openDesk(browser, server, { width: 1440, height: 900, ...look })
  await desk.signIn(who, password)
  await desk.page.goto(path)
  // A conversation with something in it.
  if (ready === 'article') await desk.page.locator('[role=option]:has(.top .meta)').filter({ hasText: '投诉' }).or(desk.page.locator('[role=option]:has(.top .meta)')).first().click()
  await desk.page.locator(ready).first().waitFor()
  await desk.page.waitForLoadState('networkidle')
  await desk.page.screenshot({ path: join(out, `${name}.png`) })
  console.log(`docs/img/${name}.png`)
  await desk.close()
}
await browser.close()
await server.stop()
cleanUp()
process.exit(0)
