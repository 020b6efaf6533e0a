import { describe, expect, it } from 'vitest'
import { parseHours } from './hours'

describe('working hours as people write them', () => {
  it('reads breaks, Chinese marks and overnight shifts', () => {
    expect(parseHours('9:00-12:00，13：30～18:00')).toEqual({ spans: ['09:00-12:00', '13:30-18:00'], wrong: null })
    expect(parseHours('22:00-06:00').spans).toEqual(['22:00-06:00'])
    expect(parseHours('0:00-24:00').spans).toEqual(['00:00-24:00'])
    expect(parseHours('')).toEqual({ spans: [], wrong: null })
  })
  it('names what it cannot read', () => {
    expect(parseHours('9-12').wrong).toBe('9-12')
    expect(parseHours('25:00-26:00').wrong).toBe('25:00-26:00')
  })
})
