// @vitest-environment happy-dom
import { VueQueryPlugin } from '@tanstack/vue-query'
import { TooltipProvider } from 'reka-ui'
import { createApp, h, nextTick } from 'vue'
import { RouterView, createMemoryHistory, createRouter } from 'vue-router'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { i18n, setLocale } from '@/i18n'
import { queryClient } from '@/queries'
import TypeDesigner from './TypeDesigner.vue'
import { blankType, type Definition, type StoredType } from './definition'

const asked = vi.hoisted(() => [] as { path: string; body: unknown }[])
vi.mock('@/api/client', async (original) => {
  const post = async (path: string, body: { definition?: unknown }) => {
    asked.push({ path, body })
    if (path === '/case-types/check') return { ok: true, faults: [], stages_in_use: [], moves: [], running: 3 }
    if (path === '/case-types/attempt') return { form: null, stage: 'accepted', moves: [{ stage: 'handling', allowed: true, reasons: [] }], faults: [] }
    return { fields: [{ name: 'priority', kind: 'text', label: '优先级', writable: false }], operators: { text: ['eq', 'ne'] }, faults: [], if: { all: [] }, text: 'always', text_zh: '总是' }
  }
  return { ...(await original<object>()), api: { post, get: async () => [], put: async () => ({}), delete: async () => undefined } }
})

const stored = (definition: Definition): StoredType => ({ key: definition.key, version: 4, pack: 'base', edited: false, definition, in_use: [{ stage: 'handling', cases: 3 }], moved: 0 })
const settle = async () => {
  for (let i = 0; i < 6; i += 1) await nextTick()
  await new Promise((done) => setTimeout(done, 450))
}

describe('the designer of case types', () => {
  let root: HTMLElement
  const button = (text: string) => [...root.querySelectorAll<HTMLElement>('button')].find((one) => (one.getAttribute('aria-label') ?? one.textContent ?? '').trim() === text)
  const tab = async (text: string) => {
    ;[...root.querySelectorAll<HTMLElement>('[role=tab]')].find((one) => one.textContent?.trim().startsWith(text))?.click()
    await settle()
  }
  beforeAll(() => setLocale('zh-CN'))
  beforeEach(async () => {
    asked.length = 0
    document.body.innerHTML = '<div id="room"></div>'
    root = document.body
    const type = blankType('wish', { zh: '心愿', en: 'Wish' })
    const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: { render: () => h(TypeDesigner, { stored: stored(type), start: type }) } }] })
    const app = createApp({ render: () => h(TooltipProvider, null, () => h(RouterView)) })
    app.config.errorHandler = (error) => {
      throw error
    }
    app.use(i18n).use(router).use(VueQueryPlugin, { queryClient })
    await router.push('/')
    app.mount('#room')
    await settle()
  })

  it('draws every stage and opens the one that is picked', async () => {
    const boxes = [...root.querySelectorAll<SVGGElement>('svg [role=button]')]
    expect(boxes.map((box) => box.getAttribute('aria-label'))).toHaveLength(5)
    boxes[2]?.dispatchEvent(new MouseEvent('click', { bubbles: true }))
    await settle()
    expect(root.querySelector('section.editor h2')?.textContent).toBe('待客户回复')
    expect(asked.some((one) => one.path === '/case-types/check')).toBe(true)
  }, 60_000)
  it('adds a stage and a condition; the draft is checked and can be published', async () => {
    button('添加环节')?.click()
    await settle()
    expect(root.querySelector('section.editor h2')?.textContent).toBe('新环节')
    button('进入条件：添加条件')?.click()
    await settle()
    const last = asked.filter((one) => one.path === '/case-types/check').at(-1)?.body as { definition: Definition }
    expect(last.definition.stage).toHaveLength(6)
    expect(last.definition.stage.find((one) => one.title.zh === '新环节')?.enter).toEqual({ all: [] })
    button('发布…')?.click()
    await settle()
    expect(document.body.textContent).toContain('3 个进行中的工单')
  }, 60_000)
  it('writes a form, and tries the type', async () => {
    await tab('表单')
    button('添加分节')?.click()
    await settle()
    expect(root.querySelectorAll('[data-field]')).toHaveLength(1)
    button('添加字段')?.click()
    await settle()
    button('上移：新字段')?.click()
    await settle()
    for (const name of ['概况', '办结与核验', '试运行', '历史版本']) await tab(name)
    await tab('试运行')
    expect(root.textContent).toContain('处理中')
    const attempt = asked.filter((one) => one.path === '/case-types/attempt').at(-1)?.body as { definition: Definition }
    expect(attempt.definition.form?.section[0]?.field).toHaveLength(2)
  }, 60_000)
})
