import { effectScope } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ACTIONS } from './map'
import { keyOptions, onKeydown, runAction, useActions } from './registry'

const press = (key: string, init: KeyboardEventInit = {}, target: EventTarget = document.body) => {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...init })
  Object.defineProperty(event, 'target', { value: target })
  onKeydown(event)
  return event
}

describe('keyboard', () => {
  const scope = effectScope()
  afterEach(() => {
    keyOptions.enabled = true
    keyOptions.remap = {}
    document.body.innerHTML = ''
  })

  it('UX-05: no Alt+letter and no key browsers own', () => {
    for (const { keys } of ACTIONS)
      for (const key of keys) {
        expect(key).not.toMatch(/alt\+/)
        expect(key).not.toMatch(/^mod\+[twnlr0-9]$/)
      }
  })

  it('gives no two actions of the page the same key', () => {
    const seen = new Map<string, string>()
    for (const action of ACTIONS.filter((a) => a.group !== 'composer'))
      for (const key of action.keys) {
        expect(seen.get(key), key).toBeUndefined()
        seen.set(key, action.id)
      }
  })

  it('UX-04: single keys rest in fields, while composing, and when switched off', () => {
    const run = vi.fn()
    scope.run(() => useActions({ resolve: run }))
    const input = document.createElement('input')
    document.body.append(input)
    press('e', {}, input)
    press('e', { isComposing: true })
    keyOptions.enabled = false
    press('e')
    expect(run).not.toHaveBeenCalled()
    keyOptions.enabled = true
    press('e')
    expect(run).toHaveBeenCalledOnce()
  })

  it('runs sequences and chords', () => {
    const inbox = vi.fn()
    const palette = vi.fn()
    scope.run(() => useActions({ go_inbox: inbox, palette: { run: palette, inFields: true } }))
    press('g')
    press('i')
    expect(inbox).toHaveBeenCalledOnce()
    const input = document.createElement('textarea')
    document.body.append(input)
    press('k', { ctrlKey: true }, input)
    expect(palette).toHaveBeenCalledOnce()
  })

  it('lets the newest handler take a key over and hands it back', () => {
    const below = vi.fn()
    const above = vi.fn()
    scope.run(() => useActions({ reply: below }))
    const top = effectScope()
    top.run(() => useActions({ reply: above }))
    runAction('reply')
    top.stop()
    runAction('reply')
    expect([above.mock.calls.length, below.mock.calls.length]).toEqual([1, 1])
  })

  it('can be remapped', () => {
    const run = vi.fn()
    scope.run(() => useActions({ snooze: run }))
    keyOptions.remap = { snooze: ['y'] }
    press('y')
    expect(run).toHaveBeenCalledOnce()
  })
})

describe('keyboard in the list', () => {
  it('acts while the list of cases has the focus', () => {
    const run = vi.fn()
    const scope = effectScope()
    scope.run(() => useActions({ next: run }))
    const list = document.createElement('div')
    list.setAttribute('role', 'listbox')
    document.body.append(list)
    press('j', {}, list)
    expect(run).toHaveBeenCalledOnce()
    scope.stop()
  })
})
