/**
 * "Tomorrow 9", "明早9点", "2h30m", "下周一": what people type into snooze, as a moment (UX-41). Pure: now and the zone are arguments.
 */

/** Wall clock in a zone. */
interface Wall {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  /** 0 = Sunday. */
  weekday: number
}

function wallOf(at: number, zone: string): Wall {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    weekday: 'short',
  }).formatToParts(new Date(at))
  const get = (type: string) => parts.find((part) => part.type === type)?.value ?? '0'
  return {
    year: Number(get('year')),
    month: Number(get('month')),
    day: Number(get('day')),
    hour: Number(get('hour')),
    minute: Number(get('minute')),
    weekday: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(get('weekday')),
  }
}

/** The moment at which a wall clock in `zone` shows this; through a gap of summer time it lands after the gap. */
export function atWall(year: number, month: number, day: number, hour: number, minute: number, zone: string): number {
  const guess = Date.UTC(year, month - 1, day, hour, minute)
  let at = guess
  for (let round = 0; round < 3; round += 1) {
    const wall = wallOf(at, zone)
    const shown = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute)
    if (shown === guess) break
    at += guess - shown
  }
  return at
}

const DIGITS: Record<string, number> = { 零: 0, 〇: 0, 一: 1, 二: 2, 两: 2, 三: 3, 四: 4, 五: 5, 六: 6, 七: 7, 八: 8, 九: 9 }

/** 十二 → 12, 二十 → 20; also plain digits. */
function chinese(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  const [tens, ones] = text.split('十')
  if (ones === undefined) return DIGITS[text] ?? NaN
  return (tens ? (DIGITS[tens] ?? NaN) : 1) * 10 + (ones ? (DIGITS[ones] ?? NaN) : 0)
}

const N = '(\\d+|[零〇一二两三四五六七八九十]+)'
const WEEKDAYS: Record<string, number> = { 日: 0, 天: 0, 一: 1, 二: 2, 三: 3, 四: 4, 五: 5, 六: 6 }
const EN_DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

function duration(text: string): number | null {
  let rest = text
    .replace(/[后後]$/, '')
    .replace(/^(in|过|再过)\s*/, '')
    .replace(/半(个)?小时/, '30分钟')
    .replace(/一个半小时/, '90分钟')
  let total = 0
  let any = false
  const units: [RegExp, number][] = [
    [new RegExp(`${N}\\s*(?:weeks?|w|周|星期|个星期)`), 7 * 86400],
    [new RegExp(`${N}\\s*(?:days?|d|天|日)`), 86400],
    [new RegExp(`${N}\\s*(?:hours?|hrs?|h|个?小时|个?钟头)`), 3600],
    [new RegExp(`${N}\\s*(?:minutes?|mins?|m|分钟?)`), 60],
  ]
  for (const [pattern, seconds] of units) {
    const found = pattern.exec(rest)
    if (!found) continue
    const n = chinese(found[1] ?? '')
    if (Number.isNaN(n)) return null
    total += n * seconds
    any = true
    rest = rest.replace(found[0], '')
  }
  return any && /^[\s,零]*$/.test(rest) && total > 0 ? total * 1000 : null
}

/** Hour and minute of "9点半", "下午3点", "9:30", "3pm", or of a part of the day alone. */
function hourOf(text: string): { hour: number; minute: number } | null {
  const late = /下午|晚上?|今晚|明晚|夜里|pm\b|afternoon|evening|tonight|night/i.test(text)
  const noon = /中午|noon/i.test(text)
  const clock = /(\d{1,2})\s*[:：]\s*(\d{2})/.exec(text) ?? /(\d{1,2})\s*(?:am|pm)\b/i.exec(text) ?? new RegExp(`${N}\\s*[点點时時]\\s*(半|${N}\\s*分?)?`).exec(text) ?? /(?:^|\s|at\s)(\d{1,2})\s*$/i.exec(text)
  if (clock) {
    let hour = chinese(clock[1] ?? '')
    const tail = clock[2]
    const minute = tail === undefined ? 0 : tail === '半' ? 30 : chinese(tail.replace(/\s*分$/, ''))
    if (Number.isNaN(hour) || Number.isNaN(minute)) return null
    if ((late || (noon && hour < 3)) && hour < 12) hour += 12
    if (/am\b/i.test(text) && hour === 12) hour = 0
    return hour < 24 && minute < 60 ? { hour, minute } : null
  }
  if (/早|morning/i.test(text)) return { hour: 9, minute: 0 }
  if (noon) return { hour: 12, minute: 0 }
  if (/下午|afternoon/i.test(text)) return { hour: 14, minute: 0 }
  if (late) return { hour: 18, minute: 0 }
  return null
}

/** @returns milliseconds since 1970, always after `now`; null when it was not understood. */
export function parseSnooze(input: string, now: number, zone: string): number | null {
  const text = input.trim().toLowerCase().replace(/[，。]/g, '')
  if (text === '') return null
  const span = duration(text)
  if (span !== null) return now + span

  const wall = wallOf(now, zone)
  let days: number | null = null
  let year = wall.year
  let month = wall.month
  let day = wall.day
  let rest = text
  const iso = /(\d{4})[-/年.](\d{1,2})[-/月.](\d{1,2})日?/.exec(text)
  const short = /(?:^|\s)(\d{1,2})[-/月](\d{1,2})(?:日|号)?(?!\d|:)/.exec(text)
  const zhWeek = /(下下|下个?|这个?|本)?(?:周|星期|礼拜)([一二三四五六日天])/.exec(text)
  const enWeek = /\b(next\s+)?(sun|mon|tue|wed|thu|fri|sat)[a-z]*\b/.exec(text)
  if (iso) {
    year = Number(iso[1])
    month = Number(iso[2])
    day = Number(iso[3])
    days = 0
    rest = text.replace(iso[0], ' ')
  } else if (short) {
    month = Number(short[1])
    day = Number(short[2])
    if (month < wall.month || (month === wall.month && day < wall.day)) year += 1
    days = 0
    rest = text.replace(short[0], ' ')
  } else if (zhWeek) {
    const want = (WEEKDAYS[zhWeek[2] ?? ''] ?? 0) || 7
    const today = wall.weekday || 7
    const weeks = zhWeek[1]?.startsWith('下下') ? 2 : zhWeek[1]?.startsWith('下') ? 1 : 0
    days = want - today + weeks * 7
    if (days <= 0 && weeks === 0) days += 7
    rest = text.replace(zhWeek[0], ' ')
  } else if (/下个?(周|星期|礼拜)|next week/.test(text)) {
    days = 8 - (wall.weekday || 7)
    rest = text.replace(/下个?(周|星期|礼拜)|next week/, ' ')
  } else if (/大后天/.test(text)) days = 3
  else if (/后天|day after tomorrow/.test(text)) days = 2
  else if (/明|tomorrow|tmr/.test(text)) days = 1
  else if (/今|today|tonight/.test(text)) days = 0
  else if (enWeek) {
    days = (EN_DAYS.indexOf(enWeek[2] ?? '') - wall.weekday + 7) % 7 || 7
    rest = text.replace(enWeek[0], ' ')
  }
  const hour = hourOf(rest.trim() === '' ? text : rest)
  if (days === null && hour === null) return null
  const { hour: h, minute: m } = hour ?? { hour: 9, minute: 0 }
  const date = new Date(Date.UTC(year, month - 1, day + (days ?? 0)))
  if ((iso || short) && (date.getUTCMonth() + 1 !== month || date.getUTCDate() !== day)) return null
  let at = atWall(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), h, m, zone)
  if (at <= now && days === null) at = atWall(year, month, day + 1, h, m, zone)
  return at > now ? at : null
}
