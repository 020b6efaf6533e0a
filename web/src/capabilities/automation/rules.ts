import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api } from '@/api/client'
import type { Condition } from '@/api/types'
import { i18n } from '@/i18n'

/** What the server says of rules, and the words for it. */
export type Words = string | { zh: string; en: string }
export type Action = { do: string } & Record<string, unknown>
export type Trigger = Record<string, unknown>

export interface Rule {
  id: string
  key: string
  title: Words
  note: Words
  when: Trigger[]
  if: Condition
  text: string
  text_zh: string
  then: Action[]
  order: number
  stop: boolean
  enabled: boolean
  once_per: string | null
  owner: { id: string; name: string } | null
  trouble: string | null
  pack: string | null
  fired: number
  last_fired_at: string | null
  version: number
}

export interface Macro {
  id: string
  key: string
  title: Words
  if: Condition
  text: string
  text_zh: string
  then: Action[]
  pack: string | null
  used: number
  version: number
}

export interface FieldDef {
  name: string
  kind: string
  label: Words
  choices?: string[]
  /** What the choices are called; without it they speak for themselves. */
  names?: Record<string, string>
  writable: boolean
}

export interface ParamSpec {
  name: string
  kind: string | Record<string, string>
  required: boolean
}

export interface Vocabulary {
  fields: FieldDef[]
  events: { name: string; label: Words }[]
  macros: string[]
  operators: Record<string, string[]>
  actions: { name: string; zh: string; en: string; params: ParamSpec[] }[]
}

export interface Fault {
  path: string
  wrong: string
  right: string
  line: number | null
  column: number | null
}

export interface Checked {
  faults: Fault[]
  if: Condition | null
  text: string | null
  text_zh: string | null
  cycles: { rules: string[]; fields: string[] }[]
}

export const isChinese = () => i18n.global.locale.value === 'zh-CN'
/** The text in the reader's language. */
export function words(text: Words | null | undefined): string {
  if (!text) return ''
  if (typeof text === 'string') return text
  return (isChinese() ? text.zh || text.en : text.en || text.zh) ?? ''
}
/** The same text in both languages where only one was written. */
export function bothOf(zh: string, en: string): Words {
  const [first, second] = [zh.trim(), en.trim()]
  return first === second || second === '' ? first : first === '' ? second : { zh: first, en: second }
}
export const halves = (text: Words | undefined): { zh: string; en: string } => (typeof text === 'object' ? { zh: text.zh, en: text.en === text.zh ? '' : text.en } : { zh: text ?? '', en: '' })
export const conditionText = (of: { text: string | null; text_zh: string | null }): string => (isChinese() ? of.text_zh : of.text) ?? ''
export const isAlways = (condition: Condition | null | undefined): boolean => !condition || ('all' in condition && condition.all.length === 0)

/** Data of one's own; what comes from the cache is not to be written into. */
export const copy = <T>(data: T): T => JSON.parse(JSON.stringify(data)) as T

const NOTHING: Vocabulary = { fields: [], events: [], macros: [], operators: {}, actions: [] }
export function useVocabulary() {
  const query = useQuery({ queryKey: ['rules', 'vocabulary'], queryFn: () => api.get<Vocabulary>('/rules/vocabulary'), staleTime: 60_000 })
  return computed(() => query.data.value ?? NOTHING)
}

/** Faults whose path is `path` or within it. */
export const faultsAt = (faults: Fault[], path: string): Fault[] => faults.filter((fault) => fault.path === path || fault.path.startsWith(`${path}.`) || fault.path.startsWith(`${path}[`))
