import { baseCompile } from '@intlify/message-compiler'
import { parse } from '@vue/compiler-sfc'
import { NodeTypes, type TemplateChildNode } from '@vue/compiler-dom'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const SRC = join(import.meta.dirname, '..', 'src')
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
const vue = files.filter((file) => file.endsWith('.vue'))

type Tree = { [key: string]: string | Tree }

function flat(tree: Tree, prefix = ''): Map<string, string> {
  const out = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') out.set(prefix + key, value)
    else for (const [inner, text] of flat(value, `${prefix}${key}.`)) out.set(inner, text)
  }
  return out
}
function words(locale: string): Map<string, string> {
  const out = new Map<string, string>()
  for (const file of files.filter((name) => name.endsWith(`${locale}.json`))) {
    const tree = JSON.parse(readFileSync(join(SRC, file), 'utf8')) as Tree
    for (const [key, text] of flat(tree)) {
      expect(out.has(key), `${key} is in two files`).toBe(false)
      out.set(key, text)
    }
  }
  return out
}
const zh = words('zh-CN')
const en = words('en')
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()

describe('UX-89: both languages are complete', () => {
  it('has the same keys', () => {
    expect([...zh.keys()].filter((key) => !en.has(key))).toEqual([])
    expect([...en.keys()].filter((key) => !zh.has(key))).toEqual([])
  })
  it('fills the same places', () => {
    // "one | many": the last form fills every place, the first may say "once".
    const differ = [...zh].filter(([key, text]) => {
      const forms = (en.get(key) ?? '').split(' | ').map(placeholders)
      return placeholders(text).join() !== forms.at(-1)?.join() || forms.some((form) => form.some((place) => !placeholders(text).includes(place)))
    })
    expect(differ.map(([key]) => key)).toEqual([])
  })
  it('is written so that the message compiler understands it', () => {
    for (const [key, text] of [...zh, ...en]) {
      const errors: string[] = []
      baseCompile(text, { onError: (error) => void errors.push(error.message) })
      expect(errors, `${key}: ${text}`).toEqual([])
    }
  })
  it('knows every key that is used', () => {
    const missing: string[] = []
    for (const file of files.filter((name) => /\.(vue|ts)$/.test(name) && !name.endsWith('.test.ts'))) {
      const text = readFileSync(join(SRC, file), 'utf8')
      for (const match of text.matchAll(/\b\$?t\(\s*'([a-z_]+(?:\.[\w-]+)+)'/g)) if (!zh.has(match[1] ?? '')) missing.push(`${file}: ${match[1]}`)
      // `title.${id}`: at least the part before the first hole must exist.
      for (const match of text.matchAll(/\b\$?t\(\s*`([a-z_]+(?:\.[\w-]+)*\.)\$\{/g)) if (![...zh.keys()].some((key) => key.startsWith(match[1] ?? ''))) missing.push(`${file}: ${match[1]}*`)
    }
    expect(missing).toEqual([])
  })
})

describe('no words in templates', () => {
  const LETTERS = /[A-Za-z\u3400-\u9fff]{2,}/
  const SPOKEN = new Set(['placeholder', 'title', 'alt', 'label', 'aria-label', 'text', 'hint', 'description'])
  /** Names that are the same in every language, and samples of what to type. */
  const SAME = new Set(['case.opened'])

  it.each(vue)('%s', (file) => {
    const { descriptor } = parse(readFileSync(join(SRC, file), 'utf8'))
    const found: string[] = []
    const walk = (nodes: TemplateChildNode[]) => {
      for (const node of nodes) {
        if (node.type === NodeTypes.TEXT && LETTERS.test(node.content)) found.push(node.content.trim())
        if (node.type === NodeTypes.ELEMENT) {
          for (const prop of node.props)
            if (prop.type === NodeTypes.ATTRIBUTE && SPOKEN.has(prop.name) && prop.value && LETTERS.test(prop.value.content) && !SAME.has(prop.value.content)) found.push(`${prop.name}="${prop.value.content}"`)
          walk(node.children)
        }
      }
    }
    walk((descriptor.template?.ast?.children ?? []) as TemplateChildNode[])
    expect(found).toEqual([])
  })
})

describe('design system', () => {
  it('UX-87: keeps colours in tokens.css', () => {
    const loose = vue.filter((file) => /#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(/i.test(parse(readFileSync(join(SRC, file), 'utf8')).descriptor.styles.map((style) => style.content).join('')))
    expect(loose).toEqual([])
  })
  it('keeps contrast ≥ 4.5 for every text on every ground, in both themes', () => {
    const css = readFileSync(join(SRC, 'ui/tokens.css'), 'utf8')
    const [light = '', dark = ''] = css.split("[data-theme='dark']")
    const read = (part: string) => Object.fromEntries([...part.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map((m) => [m[1], m[2]])) as Record<string, string>
    const lum = (hex: string) => {
      const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const ratio = (a: string, b: string) => {
      const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p) as [number, number]
      return (x + 0.05) / (y + 0.05)
    }
    const weak: string[] = []
    for (const [theme, v] of [['light', read(light)], ['dark', read(dark)]] as const) {
      for (const text of ['text', 'text-2', 'text-3', 'accent-text', 'good', 'warn', 'bad', 'note', 'paused'])
        for (const ground of ['canvas', 'surface', 'surface-2', 'raised', 'hover', 'active', ...(v[`${text}-soft`] ? [`${text}-soft`] : [])]) {
          const value = ratio(v[text]!, v[ground]!)
          if (value < 4.5) weak.push(`${theme}: ${text} on ${ground} ${value.toFixed(2)}`)
        }
      for (const fill of ['accent', 'bad-fill']) if (ratio(v['on-accent']!, v[fill]!) < 4.5) weak.push(`${theme}: on-accent on ${fill}`)
      if (ratio(v['accent-text']!, v['accent-soft']!) < 4.5) weak.push(`${theme}: accent-text on accent-soft`)
      if (ratio(v['field-line']!, v['raised']!) < 3) weak.push(`${theme}: field-line`)
    }
    expect(weak).toEqual([])
  })
})

describe('rooms', () => {
  it('no component is longer than its ceiling', () => {
    const long = files.filter((file) => /\.(vue|ts|css)$/.test(file) && readFileSync(join(SRC, file), 'utf8').split('\n').length > 700)
    expect(long).toEqual([])
  })
})
