import type { Condition, FormField, FormOption, FormWords, Form, CaseType } from '@/api/types'
import { Problem } from '@/api/problem'
import { i18n, t } from '@/i18n'
import { zone } from '@/i18n/time'
import { problemText } from '@/ui/primitives/toast'
import { atWall } from '../../desk/snooze'

/** The form of a case type in the browser: what is shown, what is missing, what an answer looks like. The server checks everything again. */
export type Answers = Record<string, unknown>

/** A text in the reader's language, or in the other one. */
export function said(words: FormWords | null | undefined): string {
  if (!words) return ''
  if (typeof words === 'string') return words
  return (i18n.global.locale.value === 'zh-CN' ? words.zh || words.en : words.en || words.zh) ?? ''
}

export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (typeof value === 'string') return value.trim() === ''
  if (Array.isArray(value)) return value.length === 0
  return typeof value === 'object' && Object.keys(value).length === 0
}

function same(fact: unknown, value: unknown): boolean {
  if (Array.isArray(fact)) return fact.some((own) => same(own, value))
  return typeof fact === 'object' || typeof value === 'object' ? JSON.stringify(fact ?? null) === JSON.stringify(value ?? null) : (fact ?? null) === (value ?? null)
}
function order(fact: unknown, value: unknown): number | null {
  if (typeof fact === 'number' && typeof value === 'number') return fact - value
  if (typeof fact === 'string' && typeof value === 'string') {
    const [a, b] = [Date.parse(fact), Date.parse(value)]
    if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b
  }
  return null
}
const contains = (fact: unknown, value: unknown) => (Array.isArray(fact) ? same(fact, value) : typeof fact === 'string' && typeof value === 'string' && fact.toLowerCase().includes(value.toLowerCase()))

/** Whether a condition holds, as the server decides it; a comparison this page does not know holds, so that nothing is hidden by mistake. */
export function holds(condition: Condition | null | undefined, facts: (field: string) => unknown): boolean {
  if (!condition) return true
  if ('all' in condition) return condition.all.every((part) => holds(part, facts))
  if ('any' in condition) return condition.any.some((part) => holds(part, facts))
  if ('not' in condition) return !holds(condition.not, facts)
  const fact = facts(condition.field)
  const value = condition.value
  const items = Array.isArray(value) ? value : []
  switch (condition.op) {
    case 'empty':
      return isEmpty(fact)
    case 'not_empty':
      return !isEmpty(fact)
    case 'eq':
      return value === null || value === undefined ? isEmpty(fact) : same(fact, value)
    case 'ne':
      return value === null || value === undefined ? !isEmpty(fact) : !same(fact, value)
    case 'in':
      return items.some((item) => same(fact, item))
    case 'not_in':
      return !items.some((item) => same(fact, item))
    case 'contains':
      return contains(fact, value)
    case 'contains_any':
      return items.some((item) => contains(fact, item))
    case 'contains_all':
      return items.every((item) => contains(fact, item))
    case 'starts_with':
      return typeof fact === 'string' && typeof value === 'string' && fact.toLowerCase().startsWith(value.toLowerCase())
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge': {
      const by = order(fact, value)
      if (by === null) return false
      return condition.op === 'lt' ? by < 0 : condition.op === 'le' ? by <= 0 : condition.op === 'gt' ? by > 0 : by >= 0
    }
    default:
      return true
  }
}

export const fieldsOf = (form: Form | null | undefined): FormField[] => (form?.section ?? []).flatMap((section) => section.field)

/** The sections with the fields that are asked with these answers; `of` reads the case (`case.priority`). */
export function shown(form: Form | null | undefined, answers: Answers, of: Record<string, unknown> = {}): { key: string; title: string; fields: FormField[] }[] {
  const facts = (field: string) => (field.startsWith('case.') ? of[field.slice(5)] : answers[field])
  return (form?.section ?? [])
    .filter((section) => holds(section.show_if, facts))
    .map((section, at) => ({ key: section.key || String(at), title: said(section.title), fields: section.field.filter((field) => holds(field.show_if, facts)) }))
    .filter((section) => section.fields.length > 0)
}

/** Keys of the fields a case needs to go on from its stage, and that have no answer yet. */
export function missing(type: CaseType | undefined, stage: string, answers: Answers, of: Record<string, unknown> = {}): string[] {
  const asked = new Set(shown(type?.form, answers, of).flatMap((section) => section.fields.map((field) => field.key)))
  return (type?.stages.find((found) => found.key === stage)?.require ?? []).filter((key) => asked.has(key) && isEmpty(answers[key]))
}

/** What is wrong with an answer, as far as a page can tell; '' when nothing is. */
export function wrongWith(field: FormField, value: unknown): string {
  if (isEmpty(value)) return field.required ? t('work.form.required') : ''
  if (typeof value === 'string' && (field.type === 'text' || field.type === 'long_text')) {
    const length = [...value].length
    if (field.min_length && length < field.min_length) return t('work.form.too_short', { n: field.min_length })
    if (field.max_length && length > field.max_length) return t('work.form.too_long', { n: field.max_length })
    if (field.pattern) {
      try {
        if (!new RegExp(`^(?:${field.pattern})$`, 'u').test(value)) return said(field.pattern_says) || t('work.form.pattern')
      } catch {
        // Written for the server's dialect; it decides.
      }
    }
  }
  const number = typeof value === 'number' ? value : field.type === 'money' ? majorOf(value as Money) : null
  if (number !== null) {
    if (Number.isNaN(number)) return t('work.form.number')
    if (typeof field.min === 'number' && number < field.min) return t('work.form.too_small', { n: field.min })
    if (typeof field.max === 'number' && number > field.max) return t('work.form.too_large', { n: field.max })
  }
  return ''
}

/** What the server says is wrong with each answer, by field. */
export function faultsOf(problem: unknown): Record<string, string> {
  if (!(problem instanceof Problem)) return {}
  const listed = (problem.detail as { faults?: { field: string; zh?: string; en?: string }[] } | null)?.faults
  if (Array.isArray(listed) && listed.length > 0) return Object.fromEntries(listed.filter((fault) => fault.field?.startsWith('fields.')).map((fault) => [fault.field.slice(7).replace(/\W.*$/, ''), said({ zh: fault.zh ?? '', en: fault.en ?? '' }) || problem.message]))
  return problem.field?.startsWith('fields.') ? { [problem.field.slice(7).replace(/\W.*$/, '')]: problemText(problem) } : {}
}

export interface Money {
  minor: number
  currency: string
}
const digits = (currency: string) => (/^(JPY|KRW|VND|CLP|ISK)$/.test(currency) ? 0 : 2)
export const majorOf = (money: Money) => money.minor / 10 ** digits(money.currency)
/** `12.5` of a currency as the API takes it; null for what is no amount. */
export function money(text: string, currency: string): Money | null {
  const number = Number(text.replaceAll(',', '').trim())
  return text.trim() === '' || !Number.isFinite(number) ? null : { minor: Math.round(number * 10 ** digits(currency)), currency }
}

/** Every choice of a tree with the path to it; branches too where one may stop there. */
export function leaves(options: FormOption[] | undefined, anyLevel = false, above: { keys: string[]; label: string } = { keys: [], label: '' }): { keys: string[]; label: string }[] {
  return (options ?? [])
    .filter((option) => !option.retired)
    .flatMap((option) => {
      const here = { keys: [...above.keys, option.key], label: above.label ? `${above.label} / ${said(option.label)}` : said(option.label) }
      const below = leaves(option.option, anyLevel, here)
      return below.length === 0 ? [here] : anyLevel ? [here, ...below] : below
    })
}

/** A moment for `<input type=datetime-local>`, in the viewer's zone. */
export function toLocal(at: string | null | undefined): string {
  if (!at || Number.isNaN(Date.parse(at))) return ''
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone.value, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' }).formatToParts(new Date(at))
  const get = (type: string) => parts.find((part) => part.type === type)?.value ?? '00'
  return `${get('year')}-${get('month')}-${get('day')}T${get('hour')}:${get('minute')}`
}
/** The other way round; null for an empty field. */
export function fromLocal(text: string): string | null {
  const found = /^(\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text)
  if (!found) return null
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = found.slice(1).map(Number)
  return new Date(atWall(year, month, day, hour, minute, zone.value)).toISOString()
}

/** A computed text: `{placeholders}` of other answers and of the case. */
export function computedText(field: FormField, answers: Answers, of: Record<string, unknown>): string {
  return said(field.template).replace(/\{([\w.]+)\}/g, (_, name: string) => plain(name.startsWith('case.') ? of[name.slice(5)] : answers[name]))
}
function plain(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(plain).join(', ')
  if (typeof value === 'object') return String((value as { name?: unknown }).name ?? '')
  return String(value)
}

/** What of a case the conditions of its form may ask. */
export const caseFacts = (of: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, value && typeof value === 'object' && !Array.isArray(value) && 'id' in value ? (value as { id: unknown }).id : value]))
