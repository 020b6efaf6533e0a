import { describe, expect, it } from 'vitest'
import { readInvite } from './ics'

const file = (...lines: string[]) => ['BEGIN:VCALENDAR', 'METHOD:REQUEST', 'BEGIN:VEVENT', ...lines, 'END:VEVENT', 'END:VCALENDAR'].join('\r\n')

describe('invitations', () => {
  it('reads what, when, where and who, folded and escaped', () => {
    const found = readInvite(file('SUMMARY:上门检修\\, 请留', ' 人', 'DTSTART;TZID=Asia/Shanghai:20261123T093000', 'DTEND;TZID="China Standard Time":20261123T103000', 'LOCATION:幸福路 1 号', 'ORGANIZER;CN="李雷":mailto:li@customer.example', 'BEGIN:VALARM', 'SUMMARY:alarm', 'END:VALARM'), 'UTC')
    expect(found).toEqual({ method: 'REQUEST', summary: '上门检修, 请留人', location: '幸福路 1 号', organizer: '李雷', start: '2026-11-23T01:30:00.000Z', end: '2026-11-23T02:30:00.000Z', allDay: false })
  })
  it('knows whole days, UTC and times without a zone', () => {
    expect(readInvite(file('DTSTART;VALUE=DATE:20261123'), 'UTC')).toMatchObject({ start: '2026-11-23', allDay: true })
    expect(readInvite(file('DTSTART:20261123T013000Z'), 'Asia/Shanghai')?.start).toBe('2026-11-23T01:30:00.000Z')
    expect(readInvite(file('DTSTART:20261123T093000'), 'Asia/Shanghai')?.start).toBe('2026-11-23T01:30:00.000Z')
    expect(readInvite(file('DTSTART;TZID=Nowhere/Land:20261123T093000'), 'Asia/Shanghai')?.start).toBe('2026-11-23T01:30:00.000Z')
  })
  it('is not upset by what is no calendar', () => {
    expect(readInvite('hello', 'UTC')).toBeNull()
    expect(readInvite('BEGIN:VEVENT\r\nDTSTART:soon', 'UTC')).toMatchObject({ start: null, summary: '' })
  })
})
