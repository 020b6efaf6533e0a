import type { Condition } from '@/api/types'
import { has, t } from '@/i18n'
import { budget } from '@/i18n/time'
import { isChinese } from './rules'

/** Names for what a condition speaks of; see [useChoices]. */
export interface Names {
  fieldName: (field: string) => string
  valueName: (field: string, value: string) => string
}
/** More words than these in one list are counted, not read. */
const SHOWN = 4

/** A condition as a person says it: names instead of keys, words instead of marks. */
export function sentence(condition: Condition, names: Names): string {
  if ('all' in condition) return joined(condition.all, t('rules.and'), names)
  if ('any' in condition) return joined(condition.any, t('rules.or'), names)
  if ('not' in condition) {
    const of = condition.not
    if ('field' in of && of.op === 'contains') return `${names.fieldName(of.field)} ${t('rules.op.contains_not')} ${told(of.field, of.op, of.value, names)}`
    return t('rules.not', { what: inner(of, names) })
  }
  const field = names.fieldName(condition.field)
  if (typeof condition.value === 'boolean') return t('rules.is_so', { field, so: t((condition.op === 'ne') === condition.value ? 'rules.no' : 'rules.yes') })
  const op = has(`rules.op.${condition.op}`) ? t(`rules.op.${condition.op}`) : condition.op
  const value = told(condition.field, condition.op, condition.value, names)
  return [field, op, value].filter(Boolean).join(' ')
}
function joined(parts: Condition[], word: string, names: Names): string {
  return parts.length === 1 && parts[0] ? sentence(parts[0], names) : parts.map((part) => inner(part, names)).join(` ${word} `)
}
/** Within another: brackets where "and" and "or" would run together. */
function inner(part: Condition, names: Names): string {
  const many = ('all' in part && part.all.length > 1) || ('any' in part && part.any.length > 1)
  return many ? (isChinese() ? `（${sentence(part, names)}）` : `(${sentence(part, names)})`) : sentence(part, names)
}
function told(field: string, op: string, value: unknown, names: Names): string {
  if (op === 'empty' || op === 'not_empty' || value === null || value === undefined) return ''
  if (Array.isArray(value)) {
    const all = value.map((one) => told(field, op, one, names))
    const first = all.slice(0, SHOWN).join(isChinese() ? '、' : ', ')
    return all.length > SHOWN ? t('rules.and_more', { first, n: all.length }) : first
  }
  if (typeof value === 'object') {
    const ends = value as { from?: unknown; to?: unknown }
    return [ends.from === undefined ? '' : `${t('rules.from')} ${told(field, 'eq', ends.from, names)}`, ends.to === undefined ? '' : `${t('rules.to')} ${told(field, 'eq', ends.to, names)}`].filter(Boolean).join(' ')
  }
  if (typeof value !== 'string') return String(value)
  const name = names.valueName(field, value)
  if (name !== value) return name
  const span = budget(value)
  if (span !== value) return span
  return isChinese() ? `“${value}”` : `"${value}"`
}
