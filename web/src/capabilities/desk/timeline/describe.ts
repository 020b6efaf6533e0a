import type { CaseEvent } from '@/api/types'
import { has, i18n, t } from '@/i18n'
import { dateTime } from '@/i18n/time'
import type { IconName } from '@/ui/icons'

const ICONS: [RegExp, IconName][] = [
  [/assign/, 'person'],
  [/account/, 'handshake'],
  [/tag/, 'tag'],
  [/priorit/, 'flag'],
  [/snooz|woke|wake/, 'snooze'],
  [/merge/, 'merge'],
  [/split/, 'split'],
  [/link/, 'link'],
  [/clos|resolv/, 'checkCircle'],
  [/reopen/, 'refresh'],
  [/watch/, 'eye'],
  [/clock|breach|warn|due|service/, 'clock'],
  [/survey|satisf|rated/, 'smile'],
  [/opened|created/, 'plus'],
]

/** A value of an event in words: a person, a moment, a known key, a list. */
function word(value: unknown): string {
  if (value === null || value === undefined || value === '') return t('ui.none')
  if (Array.isArray(value)) return value.map(word).join(', ')
  if (typeof value === 'object') {
    const named = value as { name?: unknown; number?: unknown; title?: unknown; zh?: string; en?: string }
    if (named.zh && named.en) return i18n.global.locale.value === 'zh-CN' ? named.zh : named.en
    return String(named.name ?? named.number ?? named.title ?? '')
  }
  const text = String(value)
  if (/^\d{4}-\d{2}-\d{2}T/.test(text)) return dateTime(text)
  for (const group of ['status', 'priority', 'stage', 'link', 'clock_kind']) if (has(`desk.${group}.${text}`)) return t(`desk.${group}.${text}`)
  return text
}

/** One event as a sentence in the reader's language; an event this build does not know yet still says what it is called. */
export function describe(event: CaseEvent): { text: string; icon: IconName; reason: string } {
  const name = event.type.replace(/^(case|conversation|service|survey)\./, '')
  const key = `desk.event.${name.replaceAll('.', '_')}`
  const who = event.actor?.name || t('desk.system')
  const data = event.data ?? {}
  const values: Record<string, string> = { who }
  for (const [field, value] of Object.entries(data)) values[field] = word(value)
  const from = data.from ?? data.old ?? data.before
  const to = data.to ?? data.new ?? data.after ?? data.person ?? data.team ?? data.assignee ?? data.name ?? data.tag ?? data.value
  values.from = word(from)
  values.to = word(to)
  const text = has(key) ? t(key, values) : t('desk.event.other', { who, what: name.replaceAll(/[._]/g, ' ') })
  const reason = typeof data.reason === 'string' && data.reason !== '' ? t('desk.because', { reason: data.reason }) : ''
  return { text, icon: ICONS.find(([pattern]) => pattern.test(event.type))?.[1] ?? 'history', reason }
}
