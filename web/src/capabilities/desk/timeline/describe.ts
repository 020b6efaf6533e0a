import type { CaseEvent, CaseType } from '@/api/types'
import { has, i18n, t } from '@/i18n'
import { languageName } from '@/i18n/language'
import { dateTime, span } from '@/i18n/time'
import { queryClient } from '@/queries'
import type { IconName } from '@/ui/icons'
import { routingReason } from '../../routing/reason'

const ICONS: [RegExp, IconName][] = [
  [/assign|routing/, 'person'],
  [/account/, 'handshake'],
  [/tag/, 'tag'],
  [/snooz/, 'snooze'],
  [/merge/, 'merge'],
  [/split/, 'split'],
  [/link/, 'link'],
  [/clos/, 'checkCircle'],
  [/reopen/, 'refresh'],
  [/watch/, 'eye'],
  [/breach/, 'fire'],
  [/warn/, 'alert'],
  [/clock/, 'clock'],
  [/survey/, 'smile'],
  [/^review/, 'shield'],
  [/participant/, 'shield'],
  [/opened/, 'plus'],
  [/edited|stage/, 'edit'],
]

/** Groups of words a bare key may belong to. */
const GROUPS = ['grade', 'status', 'priority', 'stage', 'link', 'clock_kind', 'edited_field', 'verification']

/** Reasons the product itself gives have words in both languages; what a person wrote stays as it is. */
export function whyText(why: string): string {
  const key = `desk.why.${why.trim().toLowerCase().replace(/[^a-z0-9]+/g, '_')}`
  // Signals and categories are named by their keys; the sheet says which.
  const kind = /^(signal|category):/.exec(why)?.[1]
  if (kind) return t(`desk.why.by_${kind}`)
  // Clocks are planned anew by answers of the form, and started by stages.
  if (why.startsWith('fields.')) return t('desk.why.field', { name: fieldName(why.slice(7)) })
  if (why.startsWith('stage:')) return t('desk.why.stage')
  return has(key) ? t(key) : (routingReason(why) ?? why)
}

/** What a field of a case type is called; its key while the types are not known. */
function fieldName(key: string): string {
  const types = queryClient.getQueryData<CaseType[]>(['case-types']) ?? []
  const name = types.flatMap((type) => type.fields).find((field) => field.key === key)?.name
  return (i18n.global.locale.value === 'zh-CN' ? name?.zh : name?.en) ?? key
}

/** What a stage is called: by the case's own type, else by any that has it; packs bring stages of their own. */
function stageTitle(key: string, own?: string): string | undefined {
  const types = queryClient.getQueryData<CaseType[]>(['case-types']) ?? []
  const found = [...types].sort((a, b) => Number(b.key === own) - Number(a.key === own)).flatMap((type) => type.stages).find((stage) => stage.key === key)?.name
  return i18n.global.locale.value === 'zh-CN' ? found?.zh : found?.en
}

type Names = Record<string, unknown>

/** A value of an event in words: a person, a moment, a known key, a list. */
function word(value: unknown, names: Names): string {
  if (value === null || value === undefined || value === '') return t('ui.none')
  if (Array.isArray(value)) return value.map((part) => word(part, names)).join(', ')
  if (typeof value === 'object') {
    const named = value as { name?: unknown; number?: unknown; title?: unknown; zh?: string; en?: string }
    if (named.zh && named.en) return i18n.global.locale.value === 'zh-CN' ? named.zh : named.en
    return String(named.name ?? named.number ?? named.title ?? '')
  }
  const text = String(value)
  if (text.startsWith('fields.')) return fieldName(text.slice(7))
  if (text.startsWith('reg.')) return t('clock.kind.regulatory')
  if (typeof names[text] === 'string') return names[text] as string
  if (/^\d{4}-\d{2}-\d{2}T/.test(text)) return dateTime(text)
  for (const group of GROUPS) if (has(`desk.${group}.${text}`)) return t(`desk.${group}.${text}`)
  return text
}

/** Which sentence tells it: one event kind may say several things. */
function sentence(type: string, data: Record<string, unknown>): string {
  switch (type) {
    case 'case.assigned':
      if (data.to_person && data.to_person !== data.from_person) return 'assigned'
      if (data.to_team && data.to_team !== data.from_team) return 'team'
      return 'unassigned'
    case 'case.accountable':
      return data.from ? 'accountable' : 'accountable_set'
    case 'case.tagged':
      return Array.isArray(data.added) && data.added.length > 0 ? 'tagged' : 'untagged'
    case 'case.linked':
      return data.removed ? 'unlinked' : 'linked'
    case 'case.watched':
      return data.removed ? 'unwatched' : 'watched'
    case 'case.co_handler':
      return data.removed ? 'co_handler_left' : 'co_handler'
    case 'case.parent':
      return data.parent_id ? 'parent' : 'parent_removed'
    case 'case.child_opened':
      return data.again ? 'child_reopened' : 'child_opened'
    case 'case.hand_over':
      return has(`desk.event.hand_over_${String(data.state)}`) ? `hand_over_${String(data.state)}` : 'hand_over'
    case 'review.step':
      return data.added ? 'review_step_added' : 'review_step'
    case 'review.decided':
      return data.decision === 'return' ? 'review_decided_return' : 'review_decided_approve'
    case 'case.snoozed':
      return data.until ? 'snoozed' : 'woken'
    default:
      return type.replace(/^case\./, '').replaceAll('.', '_')
  }
}

/** One event as a sentence in the reader's language; an event this build does not know yet still says what it is called. */
export function describe(event: CaseEvent, caseType?: string): { text: string; icon: IconName; reason: string } {
  const data = event.data ?? {}
  const names: Names = event.names ?? {}
  const who = event.actor?.kind === 'system' ? t('desk.system') : event.actor?.name || t('desk.system')
  const values: Record<string, string | number> = { who }
  for (const [field, value] of Object.entries(data)) values[field] = field.endsWith('_s') && typeof value === 'number' ? span(value) : typeof value === 'number' ? value : word(value, names)
  values.from = word(data.from ?? data.from_person ?? data.from_team, names)
  values.to = word(data.to ?? data.to_person ?? data.to_team ?? data.person_id ?? data.other ?? data.into ?? data.until, names)
  if (event.type === 'case.stage') for (const side of ['from', 'to'] as const) if (typeof data[side] === 'string') values[side] = stageTitle(data[side] as string, caseType) ?? (values[side] as string)
  if (data.field === 'language') for (const side of ['from', 'to'] as const) if (typeof data[side] === 'string') values[side] = languageName(data[side] as string)
  if (typeof data.title_zh === 'string' && typeof data.title_en === 'string') values.title = word({ zh: data.title_zh, en: data.title_en }, names)
  const name = sentence(event.type, data)
  const key = `desk.event.${name}`
  const told = has(key) ? t(key, values) : t('desk.event.other', { who, what: name.replaceAll('_', ' ') })
  // A sentence may begin with the name of a clock or a state, which stands small inside one.
  const text = told.charAt(0).toLocaleUpperCase(i18n.global.locale.value) + told.slice(1)
  const why = data.reason ?? data.why
  const reason = typeof why === 'string' && why !== '' ? t('desk.because', { reason: whyText(why) }) : ''
  return { text, icon: ICONS.find(([pattern]) => pattern.test(event.type))?.[1] ?? 'history', reason }
}
