import { beforeAll, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import { change, figure, spanTicks, ticks, verdict } from './figures'

describe('figures of the board', () => {
  beforeAll(() => setLocale('en'))
  it('UX-64: undefined is not zero', () => {
    expect(figure(null, 'ratio')).not.toBe(figure(0, 'ratio'))
  })
  it('writes units', () => {
    expect(figure(0.935, 'ratio')).toBe('93.5%')
    expect(figure(5400, 'seconds')).toBe('1h 30m')
    expect(figure(12034, 'count')).toBe('12,034')
  })
  it('judges against the target only, in the direction that is good', () => {
    const tile = { indicator: 'x', unit: 's', value: 90, target: 100, direction: 'down_good' as const }
    expect(verdict(tile)).toBe('good')
    expect(verdict({ ...tile, value: 120 })).toBe('bad')
    expect(verdict({ ...tile, target: null })).toBe('none')
    expect(change({ ...tile, previous: 120 })).toEqual({ share: -0.25, better: true })
    expect(change({ ...tile, previous: 0 })).toBeNull()
  })
  it('makes round axes', () => {
    expect(ticks(97)).toEqual([0, 25, 50, 75, 100])
    expect(ticks(0)).toEqual([0, 1])
    expect(spanTicks(7000)).toEqual([0, 1800, 3600, 5400, 7200])
  })
})
