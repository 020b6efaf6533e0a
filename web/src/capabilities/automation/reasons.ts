import { i18n, t } from '@/i18n'
import { absolute } from '@/i18n/time'
import { isChinese, words, type Action, type Vocabulary, type Words } from './rules'

/** Why a rule fired: the comparisons that decided, with what was found; told in the reader's language. */
export interface Reason {
  /** The comparison as written; firings of before there were words have nothing else. */
  text: string
  words?: { zh: string; en: string }
  fact: unknown
}

export const reasonText = (reason: Reason): string => (reason.words ? (isChinese() ? reason.words.zh : reason.words.en) : reason.text)

/** What was found, as a person reads it. */
export function factText(fact: unknown, nameOf: (id: string) => string | undefined = () => undefined): string {
  if (fact === null || fact === undefined || fact === '') return '—'
  if (typeof fact === 'boolean') return t(fact ? 'rules.yes' : 'rules.no')
  if (Array.isArray(fact)) return fact.length === 0 ? '—' : fact.map((part) => factText(part, nameOf)).join(isChinese() ? '，' : ', ')
  if (typeof fact === 'object') return JSON.stringify(fact)
  const text = String(fact)
  if (/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text)) return absolute(text)
  return nameOf(text) ?? text
}

const labelled = (label: Words | undefined, name: string) => words(label) || name
export const eventName = (vocabulary: Vocabulary, name: string): string => (name === 'schedule' ? t('rules.log.schedule') : labelled(vocabulary.events.find((event) => event.name === name)?.label, name))
export function actionName(vocabulary: Vocabulary, action: Action): string {
  const spec = vocabulary.actions.find((one) => one.name === action.do)
  return spec ? (i18n.global.locale.value === 'zh-CN' ? spec.zh : spec.en) : action.do
}
