#!/usr/bin/env node
// screenshots.mjs: the pictures of the README, from the demo organisation, always the same size and state.
import { mkdirSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT, cleanUp, tempDir } from '../lib/proc.mjs'
import { BINARY, startServer } from '../lib/server.mjs'
import { openDesk, startBrowser } from '../lib/browser.mjs'

const EMAIL = process.env.SHOUWEN_DEMO_EMAIL ?? 'admin@example.com'
const PASSWORD = process.env.SHOUWEN_DEMO_PASSWORD ?? 'shouwen-demo'
const out = join(ROOT, 'docs', 'pictures')
mkdirSync(out, { recursive: true })
const dir = tempDir('pictures')
const demo = spawnSync(BINARY, ['demo', '--data', dir], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
if (demo.status !== 0) throw new Error(`shouwen demo ended with ${demo.status}`)
const login = { email: /[\w.+-]+@[\w.-]+/.exec(demo.stdout)?.[0] ?? EMAIL, password: /(?:password|密码)[^\S\n]*[:：]?\s*(\S.*)/i.exec(demo.stdout)?.[1]?.trim() ?? PASSWORD }
const server = await startServer({ dir, readyWithin: 60_000 })
const browser = await startBrowser()
for (const [name, options, path, ready] of [
  ['desk', {}, '/desk/all_open', 'article'],
  ['desk-dark', { dark: true }, '/desk/all_open', 'article'],
  ['board', {}, '/board', 'h1, h2'],
  ['settings', {}, '/settings/inboxes', 'h1, h2'],
  ['desk-en', { locale: 'en-GB' }, '/desk/all_open', 'article'],
  ['phone', { width: 390, height: 844 }, '/desk/all_open', '[role=option]'],
]) {
  const desk = await openDesk(browser, server, { width: 1440, height: 900, scale: 2, ...options })
  await desk.signIn(login.email, login.password)
  await desk.page.goto(path)
  if (ready === 'article') await desk.page.getByRole('option').first().click()
  await desk.page.locator(ready).first().waitFor()
  await desk.page.waitForLoadState('networkidle')
  await desk.page.screenshot({ path: join(out, `${name}.png`) })
  console.log(`docs/pictures/${name}.png`)
  await desk.close()
}
await browser.close()
await server.stop()
cleanUp()
process.exit(0)
