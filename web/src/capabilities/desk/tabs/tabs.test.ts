import { beforeEach, describe, expect, it } from 'vitest'
import { MOST_TABS, caseTabs } from './tabs'

function memory() {
  const kept = new Map<string, string>()
  return { kept, get: (key: string) => kept.get(key) ?? null, set: (key: string, value: string) => void kept.set(key, value), remove: (key: string) => void kept.delete(key) }
}

describe('UX-25: case tabs', () => {
  let at = 0
  let inWindow = memory()
  let onDevice = memory()
  const open = () => caseTabs(
      inWindow,
      onDevice,
      () => (at += 1),
      (work) => work(),
    )
  let tabs = open()
  const ids = () => tabs.state.list.map((tab) => tab.id)

  beforeEach(() => {
    inWindow = memory()
    onDevice = memory()
    tabs = open()
    tabs.begin('per_1')
  })

  it('three that were opened are there after a reload, with their titles, pins and drafts', () => {
    for (const id of ['a', 'b', 'c']) tabs.show(id, 'stay')
    tabs.label('b', { number: '2026-000002', title: '退款', customer: '李四' })
    tabs.pin('c', true)
    tabs.setDraft('a', true)
    const before = JSON.stringify(tabs.state.list)
    tabs = open()
    tabs.begin('per_1')
    expect(JSON.stringify(tabs.state.list)).toBe(before)
    expect(ids()).toEqual(['c', 'a', 'b'])
  })

  it('a new window begins with them, but nothing a customer said was left on the device', () => {
    tabs.show('a', 'stay')
    tabs.label('a', { number: '2026-000001', title: '退款', customer: '张三' })
    tabs.show('b', 'pass')
    expect([...onDevice.kept.values()].join()).not.toMatch(/张三|退款/)
    inWindow = memory()
    tabs = open()
    tabs.begin('per_1')
    expect(tabs.state.list.map((tab) => [tab.id, tab.number, tab.title])).toEqual([['a', '2026-000001', '']])
  })

  it('belong to one person, and logging out takes the titles away', () => {
    tabs.show('a', 'stay')
    tabs.begin(null)
    expect(ids()).toEqual([])
    expect(inWindow.kept.size).toBe(0)
    tabs.begin('per_2')
    expect(ids()).toEqual([])
    tabs.begin('per_1')
    expect(ids()).toEqual(['a'])
  })

  it('moving along the list uses one tab; writing or opening on purpose keeps it', () => {
    tabs.show('a', 'stay')
    tabs.show('b', 'pass')
    tabs.show('c', 'pass')
    expect(ids()).toEqual(['a', 'c'])
    tabs.setDraft('c', true)
    tabs.show('d', 'pass')
    expect(ids()).toEqual(['a', 'c', 'd'])
    tabs.show('d', 'stay')
    tabs.show('e', 'pass')
    expect(ids()).toEqual(['a', 'c', 'd', 'e'])
  })

  it('the longest unused one makes room, never a pinned one or one with a draft', () => {
    tabs.show('pinned', 'stay')
    tabs.pin('pinned', true)
    tabs.show('written', 'stay')
    tabs.setDraft('written', true)
    for (let i = 0; i < MOST_TABS + 3; i += 1) tabs.show(`t${i}`, 'stay')
    expect(ids()).toContain('pinned')
    expect(ids()).toContain('written')
    expect(ids()).not.toContain('t0')
    expect(ids()).toContain(`t${MOST_TABS + 2}`)
    expect(tabs.state.list.filter((tab) => !tab.pinned)).toHaveLength(MOST_TABS)
  })

  it('closing shows the neighbour, and the last closed one can be had again', () => {
    for (const id of ['a', 'b', 'c']) tabs.show(id, 'stay')
    expect(tabs.close('b')).toBe('c')
    expect(tabs.close('c')).toBe('a')
    expect(tabs.close('a')).toBeNull()
    expect([tabs.reopen(), tabs.reopen(), tabs.reopen(), tabs.reopen()]).toEqual(['a', 'c', 'b', null])
  })

  it('goes round in both directions', () => {
    for (const id of ['a', 'b', 'c']) tabs.show(id, 'stay')
    expect([tabs.neighbour('c', 1), tabs.neighbour('a', -1), tabs.neighbour(null, 1), tabs.neighbour(null, -1)]).toEqual(['a', 'c', 'a', 'c'])
  })

  it('closing the others leaves what is pinned and what was written', () => {
    for (const id of ['a', 'b', 'c', 'd']) tabs.show(id, 'stay')
    tabs.pin('a', true)
    tabs.setDraft('b', true)
    expect(tabs.othersToClose('d')).toEqual(['c'])
  })

  it('reads nothing from a damaged store', () => {
    inWindow.set('shouwen.tabs.per_3', '{"no')
    tabs.begin('per_3')
    expect(ids()).toEqual([])
  })
})
