import { beforeEach, describe, expect, it } from 'vitest'
import { clauses, i18n, listed, setLocale, t } from '.'
import { absolute, budget, dateOnly, listTime, monthDay, plainDate, plainDay, relative, span, spanBrief, upcoming, zone } from './time'

const at = '2026-11-12T05:06:07Z'
beforeEach(() => {
  zone.value = 'Asia/Shanghai'
})

describe('UX-46, UX-89: moments in the language of whoever reads them', () => {
  it('names the month in English, so that no reader takes the day for it', async () => {
    await setLocale('en')
    expect([monthDay(at), dateOnly(at), upcoming(at)]).toEqual(['Nov 12', 'Nov 12, 2026', 'Thu Nov 12 13:06'])
    expect(absolute(at)).toBe('Nov 12, 2026 Thu 13:06:07 GMT+8')
    expect(listTime(at, Date.parse('2026-11-20T00:00:00Z'))).toBe('Nov 12')
  })
  it('says a span by its two largest units, or by one where room is short', async () => {
    await setLocale('en')
    const [days, hours, minutes] = [2 * 86_400 + 3 * 3_600, 3_600 + 57 * 60, 12 * 60]
    expect([days, hours, minutes].map(span)).toEqual(['2d 3h', '1h 57m', '12m'])
    expect([days, hours, minutes].map(spanBrief)).toEqual(['2d', '1h', '12m'])
  })
  it('says a target as a person does, and lets stand what is none', async () => {
    await setLocale('zh-CN')
    expect(['10m', '4h', '5wd', '30s', '1d 12h', '80%', ''].map(budget)).toEqual(['10 分钟', '4 小时', '5 个工作日', '30 秒', '1 天 12 小时', '80%', ''])
    await setLocale('en')
    expect(['1h', '2wd'].map(budget)).toEqual(['1 hour', '2 working days'])
  })
  it('keeps figures apart from characters', async () => {
    await setLocale('zh-CN')
    const now = Date.parse(at)
    expect([relative(at, now + 5 * 3_600_000), relative(at, now + 3 * 86_400_000), relative(at, now + 86_400_000)]).toEqual(['5 小时前', '3 天前', '昨天'])
  })
  it('keeps figures in Chinese', async () => {
    await setLocale('zh-CN')
    expect([monthDay(at), dateOnly(at)]).toEqual(['11/12', '2026/11/12'])
  })
  it('leaves a day without a zone where it is, however far the reader', async () => {
    await setLocale('en')
    for (const far of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      zone.value = far
      expect([plainDay('2026-11-12'), plainDate('2026-11-12')]).toEqual(['Nov 12', 'Nov 12, 2026'])
    }
    expect(plainDay('not a day')).toBe('not a day')
  })
})

describe('UX-89: one and many, lists', () => {
  it('tells one from many and from none in English', async () => {
    await setLocale('en')
    expect([0, 1, 2].map((n) => t('work.remind.times', { n }))).toEqual(['0 reminders', '1 reminder', '2 reminders'])
    // A number nobody gave as one is many.
    expect(t('work.remind.times', { n: '5+' })).toBe('5+ reminders')
    expect([listed(['a', 'b']), clauses(['a', 'b'])]).toEqual(['a, b', 'a; b'])
  })
  it('has one form in Chinese', async () => {
    await setLocale('zh-CN')
    expect(i18n.global.locale.value).toBe('zh-CN')
    expect([1, 2].map((n) => t('work.remind.times', { n })).every((text) => /^\D*[12]\D*$/.test(text))).toBe(true)
    expect([listed(['甲', '乙']), clauses(['甲', '乙'])]).toEqual(['甲、乙', '甲；乙'])
  })
})
