import { beforeAll, describe, expect, it } from 'vitest'
import { loadPinyin, rank, score } from './match'

describe('UX-01: finding', () => {
  beforeAll(loadPinyin)
  const of = (text: string) => ({ text })

  it('finds Chinese by initials and by full pinyin', () => {
    const items = ['转移到…', '指派给我', '稍后提醒', '合并工单']
    expect(rank('zyd', items, of)[0]).toBe('转移到…')
    expect(rank('zhuanyi', items, of)[0]).toBe('转移到…')
    expect(rank('hb', items, of)[0]).toBe('合并工单')
    expect(rank('提醒', items, of)[0]).toBe('稍后提醒')
  })
  it('finds English by words, first letters and with a slip', () => {
    const items = ['Assign to me', 'Snooze', 'Merge into another case']
    expect(rank('atm', items, of)[0]).toBe('Assign to me')
    expect(rank('snoze', items, of)[0]).toBe('Snooze')
    expect(rank('mrege', items, of)[0]).toBe('Merge into another case')
  })
  it('finds nothing for nonsense', () => {
    expect(score('qqqq', { text: '合并工单' })).toBe(0)
  })
})
