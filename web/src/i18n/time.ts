import { computed, onScopeDispose, ref } from 'vue'
import { i18n, t } from './index'

/** The viewer's zone; until they are known, the browser's. */
export const zone = ref(Intl.DateTimeFormat().resolvedOptions().timeZone || 'Asia/Shanghai')

const clock = ref(Date.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

function tick(): void {
  clock.value = Date.now()
}

/** Now in milliseconds, moving once a second while anything on the page shows it and the page is visible. */
export function useNow() {
  users += 1
  if (users === 1) {
    tick()
    timer = setInterval(() => document.visibilityState === 'visible' && tick(), 1000)
  }
  onScopeDispose(() => {
    users -= 1
    if (users === 0) clearInterval(timer)
  })
  return computed(() => clock.value)
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const locale = i18n.global.locale.value
  const key = `${kind}|${locale}|${zone.value}`
  let found = formats.get(key)
  if (!found) {
    try {
      found = new Intl.DateTimeFormat(locale, { timeZone: zone.value, hourCycle: 'h23', ...options })
    } catch {
      found = new Intl.DateTimeFormat(locale, { hourCycle: 'h23', ...options })
    }
    formats.set(key, found)
  }
  return found
}

/** Month and day as they stand in a date: 11/22 for a Chinese reader, Nov 22 for an English one, who could take 11/12 for either. */
function monthAndDay(): Intl.DateTimeFormatOptions {
  return i18n.global.locale.value === 'en' ? { month: 'short', day: 'numeric' } : { month: '2-digit', day: '2-digit' }
}

/** A day of a list or an axis, without its year. */
export function monthDay(at: number | string | Date): string {
  return format('md', monthAndDay()).format(new Date(at))
}

/** A day that has no zone, such as `2026-11-22` of a board, in the reader's way. */
export function plainDate(day: string): string {
  return plain('pd', { year: 'numeric', ...monthAndDay() }, day)
}

/** The same without its year. */
export function plainDay(day: string): string {
  return plain('pmd', monthAndDay(), day)
}

function plain(kind: string, options: Intl.DateTimeFormatOptions, day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`)
  if (Number.isNaN(at)) return day
  return format(kind, { ...options, timeZone: 'UTC' }).format(at)
}

export function dayOf(at: number | string | Date): string {
  // en-CA writes 2026-11-21, whatever the reader's language.
  const key = `day|${zone.value}`
  let found = formats.get(key)
  if (!found) {
    try {
      found = new Intl.DateTimeFormat('en-CA', { timeZone: zone.value, dateStyle: 'short' })
    } catch {
      found = new Intl.DateTimeFormat('en-CA', { dateStyle: 'short' })
    }
    formats.set(key, found)
  }
  return found.format(new Date(at))
}

/** The whole of a moment: day, weekday, time to the second, offset of the zone. */
export function absolute(at: string | number | Date): string {
  const date = new Date(at)
  const offset = format('zone', { timeZoneName: 'shortOffset' })
    .formatToParts(date)
    .find((part) => part.type === 'timeZoneName')?.value
  const time = format('hms', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date)
  return [dateOnly(date), format('weekday', { weekday: 'short' }).format(date), time, offset].join(' ')
}

/** A moment to the minute with its weekday, for one who plans by it; the whole belongs into the tip. */
export function moment(at: string | number | Date): string {
  const date = new Date(at)
  return [dateOnly(date), format('weekday', { weekday: 'short' }).format(date), timeOnly(date)].join(' ')
}

/** A moment to come: weekday, day and time. */
export function upcoming(at: string | number | Date): string {
  const date = new Date(at)
  return [format('weekday', { weekday: 'short' }).format(date), monthDay(date), timeOnly(date)].join(' ')
}

export function dateTime(at: string | number | Date): string {
  return format('dt', { year: 'numeric', ...monthAndDay(), hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

export function dateOnly(at: string | number | Date): string {
  return format('d', { year: 'numeric', ...monthAndDay() }).format(new Date(at))
}

export function timeOnly(at: string | number | Date): string {
  return format('t', { hour: '2-digit', minute: '2-digit' }).format(new Date(at))
}

/** For a list: the time today, the day this year, else the date. */
export function listTime(at: string, now: number): string {
  const day = dayOf(at)
  const today = dayOf(now)
  if (day === today) return timeOnly(at)
  if (day.slice(0, 4) === today.slice(0, 4)) return monthDay(at)
  return dateOnly(at)
}

/** A target or length as it is written down (`4h`, `3wd`, `1d 12h`), in words; what is not one stays as it is. */
export function budget(text: string): string {
  const parts = text.trim().split(/\s+/).map((part) => /^(\d+(?:\.\d+)?)(wd|d|h|m|s)$/.exec(part))
  if (parts.some((part) => part === null)) return text
  return parts.map((part) => t(`time.budget.${part?.[2]}`, { n: Number(part?.[1]) })).join(' ')
}

/** "5 minutes ago" up to a week, then the date (UX-46). */
export function relative(at: string, now: number): string {
  const seconds = Math.round((new Date(at).getTime() - now) / 1000)
  const size = Math.abs(seconds)
  if (size >= 7 * 86400) return dateOnly(at)
  const rtf = new Intl.RelativeTimeFormat(i18n.global.locale.value, { numeric: 'auto' })
  // "5小时前" beside "5 小时": figures stand apart from characters everywhere on the desk.
  const said = (n: number, unit: Intl.RelativeTimeFormatUnit) => rtf.format(n, unit).replace(/(\d)(?=\p{Script=Han})/gu, '$1 ')
  if (size < 60) return said(Math.trunc(seconds), 'second')
  if (size < 3600) return said(Math.trunc(seconds / 60), 'minute')
  if (size < 86400) return said(Math.trunc(seconds / 3600), 'hour')
  return said(Math.trunc(seconds / 86400), 'day')
}

/** A span in at most two units: 3d 4h, 2h 05m, 12m; seconds only in the last five minutes, so that nothing flickers without need. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const d = Math.floor(s / 86400)
  const h = Math.floor((s % 86400) / 3600)
  const m = Math.floor((s % 3600) / 60)
  if (d > 0) return h === 0 ? t('time.d', { d }) : t('time.dh', { d, h })
  if (h > 0) return m === 0 ? t('time.h', { h }) : t('time.hm', { h, m: String(m).padStart(2, '0') })
  if (m >= 5) return t('time.m', { m })
  if (m > 0) return t('time.ms', { m, s: String(s % 60).padStart(2, '0') })
  return t('time.s', { s })
}

/** A span where room is short: only its largest unit from an hour on; the whole belongs into the tip. */
export function spanBrief(seconds: number): string {
  const unit = seconds >= 86_400 ? 86_400 : seconds >= 3_600 ? 3_600 : 1
  return span(seconds - (seconds % unit))
}

export function fileSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
