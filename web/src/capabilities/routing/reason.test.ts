import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import { routingReason } from './reason'

describe('UX-33: why somebody was chosen, or nobody, in the reader’s language', () => {
  beforeAll(() => setLocale('en'))
  it.each([
    ['负荷最低（0/25）', 'least busy (0 of 25)'],
    ['技能 宽带、退款，属地优先，语言 zh，负荷最低（3/8）', 'skill 宽带、退款, same region, speaks Chinese, least busy (3 of 8)'],
    ['skill a, b, same region, least busy (3 of 8)', 'skill a, b, same region, least busy (3 of 8)'],
    ['支援“宽带组”（已等 15 分钟），客户等级 gold，负荷最低（3/8）', 'helping 宽带组 after 15 min, tier gold, least busy (3 of 8)'],
    ['helping “Fibre” after 15 min, skill a, tier gold, same region, least busy (3 of 8)', 'helping Fibre after 15 min, skill a, tier gold, same region, least busy (3 of 8)'],
    ['6 名成员均不在线', 'none of the 6 members is online'],
    ['无人具备技能：宽带', 'nobody present has the skill 宽带'],
    ['4 人均已达接单上限', 'all 4 who could take it have reached their limit'],
    ['班组没有成员', 'the team has no members'],
  ])('%s', (text, told) => expect(routingReason(text)).toBe(told))
  it('leaves what a person wrote alone', () => expect(routingReason('请接手跟进')).toBeNull())

  it('knows every reason the server can write', () => {
    const source = readFileSync(join(import.meta.dirname, '../../../../capabilities/routing/src/choose.rs'), 'utf8').split('#[cfg(test)]')[0] ?? ''
    const said = [...source.matchAll(/say\(\s*(?:format!\()?"([^"]+)"[^;]*?(?:format!\()?"([^"]+)"/g)].flatMap((match) => [match[1] ?? '', match[2] ?? '']).filter((text) => text.length > 2)
    expect(said.length).toBeGreaterThanOrEqual(12)
    const filled = said.map((text) => text.replace('{}/{}', '1/9').replace('{} of {}', '1 of 9').replaceAll(/\{\w*\}/g, '5'))
    // Parts of a choice stand before its load.
    const told = (text: string) => routingReason(text) ?? routingReason(`${text}负荷最低（1/9）`) ?? routingReason(`${text}least busy (1 of 9)`) ?? routingReason(`${text}，负荷最低（1/9）`) ?? routingReason(`${text}, least busy (1 of 9)`)
    expect(filled.filter((text) => told(text) === null)).toEqual([])
  })
})
