// Accessibility of a page as it stands, by axe-core: WCAG 2.2 A and AA and what it calls best practice.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { check } from './runner.mjs'

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds: `[{ id, impact, nodes: [selector …] }]`. Run through the debugger, so the page's own policy stays as it is. */
export async function faults(page, { within } = {}) {
  await page.evaluate(SOURCE)
  return page.evaluate(async (root) => {
    const { violations } = await globalThis.axe.run(root ? { include: [root] } : document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] })
    return violations.map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.map((n) => `${n.target.join(' ')}: ${(n.failureSummary ?? '').split('\n')[1]?.trim() ?? ''}`) }))
  }, within)
}

/** Fails the step when there is any. */
export async function accessible(page, name, within) {
  const found = await faults(page, { within })
  check(found.length === 0, `axe finds nothing on ${name}`, found.map((f) => `${f.id} (${f.impact}): ${f.nodes.slice(0, 3).join(' | ')}`).join('\n'))
}
