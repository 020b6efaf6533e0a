import { describe, expect, it } from 'vitest'
import type { CaseType, FormField } from '@/api/types'
import { zone } from '@/i18n/time'
import { fromLocal, holds, leaves, majorOf, missing, money, shown, toLocal, wrongWith } from './forms'

const form = {
  key: 'f',
  section: [
    { key: 'a', title: '诉求', field: [{ key: 'demand', type: 'text', label: '诉求' }, { key: 'responsible', type: 'choice', label: '责任' }] },
    { key: 'b', show_if: { field: 'case.priority', op: 'eq', value: 'urgent' }, field: [{ key: 'why', type: 'text', label: '原因' }] },
    { key: 'c', field: [{ key: 'compensation', type: 'money', label: '补偿', show_if: { field: 'responsible', op: 'in', value: ['ours', 'partner'] } }] },
  ] as { key: string; field: FormField[] }[],
}

describe('forms', () => {
  it('shows what the answers and the case ask for', () => {
    const keys = (answers: Record<string, unknown>, of = {}) => shown(form, answers, of).flatMap((section) => section.fields.map((field) => field.key))
    expect(keys({})).toEqual(['demand', 'responsible'])
    expect(keys({ responsible: 'ours' })).toEqual(['demand', 'responsible', 'compensation'])
    expect(keys({}, { priority: 'urgent' })).toEqual(['demand', 'responsible', 'why'])
  })
  it('names what is missing to go on, never what is hidden', () => {
    const type = { key: 't', form, stages: [{ key: 's', require: ['demand', 'compensation'] }] } as unknown as CaseType
    expect(missing(type, 's', {})).toEqual(['demand'])
    expect(missing(type, 's', { demand: ' ' })).toEqual(['demand'])
    expect(missing(type, 's', { demand: 'x', responsible: 'ours' })).toEqual(['compensation'])
  })
  it('decides comparisons as the server does', () => {
    const facts = (field: string) => ({ tag: ['vip', 'new'], age: 5, at: '2026-03-02T01:00:00Z', title: 'Router' })[field]
    const asks = (field: string, op: string, value?: unknown) => holds({ field, op, value }, facts)
    expect(asks('tag', 'contains', 'vip')).toBe(true)
    expect(asks('tag', 'in', ['old'])).toBe(false)
    expect(asks('age', 'ge', 5)).toBe(true)
    expect(asks('age', 'lt', 5)).toBe(false)
    expect(asks('at', 'gt', '2026-03-01')).toBe(true)
    expect(asks('title', 'contains', 'ROUT')).toBe(true)
    expect(asks('nothing', 'empty')).toBe(true)
    expect(holds({ not: { any: [{ field: 'age', op: 'eq', value: 4 }] } }, facts)).toBe(true)
  })
  it('reads amounts, trees and local times both ways', () => {
    expect(money('12.5', 'CNY')).toEqual({ minor: 1250, currency: 'CNY' })
    expect(money('1,200', 'JPY')).toEqual({ minor: 1200, currency: 'JPY' })
    expect(money('about ten', 'CNY')).toBeNull()
    expect(majorOf({ minor: 1999, currency: 'CNY' })).toBe(19.99)
    const tree = [{ key: 'net', label: '网络', option: [{ key: 'slow', label: '慢' }, { key: 'old', label: '旧', retired: true }] }, { key: 'bill', label: '账单' }]
    expect(leaves(tree).map((leaf) => leaf.keys.join('/'))).toEqual(['net/slow', 'bill'])
    expect(leaves(tree, true).map((leaf) => leaf.keys.join('/'))).toEqual(['net', 'net/slow', 'bill'])
    zone.value = 'Asia/Shanghai'
    expect(fromLocal('2026-03-02T09:30')).toBe('2026-03-02T01:30:00.000Z')
    expect(toLocal('2026-03-02T01:30:00Z')).toBe('2026-03-02T09:30')
  })
  it('says what is wrong with an answer', () => {
    expect(wrongWith({ key: 'x', type: 'text', label: 'x', max_length: 2 }, '你好')).toBe('')
    expect(wrongWith({ key: 'x', type: 'text', label: 'x', max_length: 2 }, '你好啊')).not.toBe('')
    expect(wrongWith({ key: 'x', type: 'number', label: 'x', min: 3 }, 2)).not.toBe('')
    expect(wrongWith({ key: 'x', type: 'text', label: 'x', required: true }, '')).not.toBe('')
    expect(wrongWith({ key: 'x', type: 'text', label: 'x', pattern: 'SF\\d+' }, 'SF1')).toBe('')
  })
})
