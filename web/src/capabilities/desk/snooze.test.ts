import { describe, expect, it } from 'vitest'
import { parseSnooze } from './snooze'

const zone = 'Asia/Shanghai'
// Wednesday 2026-11-18 10:20 in Shanghai.
const now = Date.parse('2026-11-18T02:20:00Z')
const at = (text: string) => {
  const found = parseSnooze(text, now, zone)
  return found === null ? null : new Date(found + 8 * 3600_000).toISOString().slice(0, 16)
}

describe('UX-41: snooze as people say it', () => {
  it.each([
    ['2h30m', '2026-11-18T12:50'],
    ['90m', '2026-11-18T11:50'],
    ['3 days', '2026-11-21T10:20'],
    ['两小时后', '2026-11-18T12:20'],
    ['半小时', '2026-11-18T10:50'],
    ['3天后', '2026-11-21T10:20'],
    ['十五分钟后', '2026-11-18T10:35'],
    ['明早9点', '2026-11-19T09:00'],
    ['明天', '2026-11-19T09:00'],
    ['明天下午3点半', '2026-11-19T15:30'],
    ['后天上午十点', '2026-11-20T10:00'],
    ['今晚', '2026-11-18T18:00'],
    ['下午4点', '2026-11-18T16:00'],
    ['下周一', '2026-11-23T09:00'],
    ['周五 14:00', '2026-11-20T14:00'],
    ['周三', '2026-11-25T09:00'],
    ['下周', '2026-11-23T09:00'],
    ['11月30日', '2026-11-30T09:00'],
    ['2027-01-04 08:30', '2027-01-04T08:30'],
    ['1/5', '2027-01-05T09:00'],
    ['tomorrow 9', '2026-11-19T09:00'],
    ['tomorrow 3pm', '2026-11-19T15:00'],
    ['next week', '2026-11-23T09:00'],
    ['monday', '2026-11-23T09:00'],
    ['fri 16:30', '2026-11-20T16:30'],
    ['9:00', '2026-11-19T09:00'],
    ['tonight', '2026-11-18T18:00'],
  ])('%s', (text, expected) => expect(at(text)).toBe(expected))

  it.each(['', 'asdf', '2月30日', '昨天', '今天 9:00'])('refuses %s', (text) => expect(at(text)).toBeNull())

  it('keeps the wall clock through a change of summer time', () => {
    const before = Date.parse('2026-10-31T12:00:00Z')
    const found = parseSnooze('2026-11-02 09:00', before, 'America/New_York')
    expect(new Date(found ?? 0).toISOString()).toBe('2026-11-02T14:00:00.000Z')
  })
})
