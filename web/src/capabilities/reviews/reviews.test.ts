import { describe, expect, it } from 'vitest'
import { Problem } from '@/api/problem'
import { setLocale } from '@/i18n'
import { minorOf, refusal, tierOf, type Option } from './reviews'

describe('amounts of approvals', () => {
  it('are read exactly or not at all', () => {
    expect([minorOf('500', 'CNY'), minorOf('1000.5', 'CNY'), minorOf('0.05', 'CNY'), minorOf('500', 'JPY'), minorOf('1.234', 'KWD')]).toEqual([50_000, 100_050, 5, 500, 1234])
    for (const wrong of ['', '.', '1.', '-1', '1,000', '1.005', '1e3', '五百']) expect(minorOf(wrong, 'CNY'), wrong).toBeNull()
  })
  it('fall into the first tier that holds them, its limit included', () => {
    const tier = (up_to: string | null) => ({ up_to, alone: [], steps: [] })
    const option: Option = { key: 'x', title: { zh: '', en: '' }, currency: 'CNY', tiers: [tier('200'), tier('5000'), tier(null)], emergency: null }
    expect([20_000, 20_001, 500_000, 500_001].map((minor) => option.tiers.indexOf(tierOf(option, minor)!))).toEqual([0, 1, 1, 2])
    expect(tierOf({ ...option, tiers: [tier('200')] }, 20_001)).toBeUndefined()
  })
})

describe('a decision that came too late', () => {
  it('is told how it ended and by whom, and whose place it is not', async () => {
    await setLocale('zh-CN')
    const late = (code: string, detail: unknown) => refusal(new Problem({ status: 409, code, message: 'x', detail }))
    expect(late('review.not_open', { state: 'returned', by: '经理周' })).toContain('经理周')
    expect(late('review.not_open', { state: 'withdrawn', by: null })).not.toContain('{who}')
    expect(late('review.one_place', { of: '经理吴' })).toContain('经理吴')
    expect(late('review.stand_in_over', { of: '班长老李' })).toContain('班长老李')
  })
})
