// Headless Chromium from Debian, driven by playwright-core.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PATIENCE, ROOT, atEnd, which } from './proc.mjs'
import { Skip } from './runner.mjs'
import { PASSWORD } from './server.mjs'

export const OUT = join(ROOT, 'e2e', 'out')

/** A browser; one for a journey, a context for each person. */
export async function startBrowser() {
  const executablePath = process.env.BROWSER ?? which('chromium') ?? which('chromium-browser') ?? which('google-chrome')
  if (!executablePath) throw new Skip('Chromium is not installed (Debian package: chromium)')
  const { chromium } = await import('playwright-core')
  const browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--lang=zh-CN', '--force-prefers-reduced-motion', ...(process.env.SHOUWEN_E2E_WEB ? ['--disable-features=LocalNetworkAccessChecks'] : [])] })
  atEnd(() => browser.process?.()?.kill('SIGKILL'))
  mkdirSync(OUT, { recursive: true })
  return browser
}

/** A person at a desk: a page, what went wrong on it, and pictures. */
export async function openDesk(browser, server, { locale = 'zh-CN', width = 1440, height = 900, dark = false, scale = 1 } = {}) {
  const context = await browser.newContext({ baseURL: server.base, locale, timezoneId: 'Asia/Shanghai', viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', deviceScaleFactor: scale, reducedMotion: 'reduce' })
  if (process.env.SHOUWEN_E2E_WEB) await serveFrom(context, process.env.SHOUWEN_E2E_WEB, server.base)
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  const problems = []
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`))
  page.on('console', (message) => {
    // A refused request is an answer the page handles, and so is a line that a journey itself takes away; a script error is not.
    if (message.type() === 'error' && !/Failed to load resource|ERR_INTERNET_DISCONNECTED/.test(message.text())) problems.push(`console: ${message.text()}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 500) problems.push(`${response.status()} ${response.url()}`)
  })
  return {
    page, context, problems,
    picture: (name) => page.screenshot({ path: join(OUT, `${name}.png`) }),
    async signIn(email, password = PASSWORD) {
      await page.goto('/')
      await page.locator('input[type=email], input[name=email]').first().fill(email)
      await page.locator('input[type=password]').first().fill(password)
      await page.keyboard.press('Enter')
      await page.waitForURL((url) => !/login|session/.test(url.pathname))
    },
    close: () => context.close(),
  }
}

/** While the desk is being written: its files from a folder (`vite build --outDir …`) instead of those inside the binary. */
async function serveFrom(context, folder, base) {
  await context.route((url) => !/^\/(api|s)\//.test(url.pathname) && url.origin === base, async (route) => {
    const { pathname } = new URL(route.request().url())
    const file = join(folder, pathname)
    if (pathname !== '/' && /\.\w+$/.test(pathname) && existsSync(file)) return route.fulfill({ path: file })
    if (!route.request().isNavigationRequest()) return route.continue()
    const shell = await route.fetch({ url: new URL('/', route.request().url()).href })
    return route.fulfill({ response: shell, path: join(folder, 'index.html') })
  })
}
