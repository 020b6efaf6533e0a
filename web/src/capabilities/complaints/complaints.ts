import { called, type Titled } from '../service_levels/titles'
import { useQuery } from '@tanstack/vue-query'
import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { api } from '@/api/client'
import { i18n } from '@/i18n'

export interface Words {
  zh: string
  en: string
}
export type Grade = 'minor' | 'major' | 'critical'
export const GRADES: Grade[] = ['minor', 'major', 'critical']
export const REASONS = ['low_rating', 'signal', 'repeat', 'rejected', 'manual'] as const

export interface Category {
  key: string
  parent?: string | null
  title: Words
  active?: boolean
  team?: string | null
  unit?: string | null
  grade?: Grade | null
  products?: string[]
  pack: string | null
  version: number
}
export interface Signal {
  key: string
  title: Words
  grade: Grade
  words?: string[]
  patterns?: string[]
  except?: string[]
  always: boolean
  active: boolean
}
export interface Region {
  key: string
  title: Words
  match?: string[]
  team?: string | null
  unit?: string | null
  calendar?: string | null
}
export interface CareStep {
  key: string
  title: Words
  after: string
  calendar?: string | null
  approval: boolean
}
export interface CarePlan {
  key: string
  title: Words
  for?: string[]
  calendar?: string | null
  action: CareStep[]
}
export interface Listed<T> {
  items: T[]
  version: string
  packs: (string | null)[]
}
export interface Hit {
  signal: string
  grade: Grade
  at: number
  len: number
  text: string
  cleared_by: string | null
}
export interface FileInShort {
  id: string
  reason: string
  owner_name: string | null
  opened_at: string
  next_due_at: string | null
  overdue: boolean
  may_open: boolean
}
export interface ComplaintRow {
  case_id: string
  number: string
  title: string
  status: 'open' | 'waiting' | 'resolved' | 'closed'
  customer_name: string | null
  category: Words | null
  region: string | null
  region_title: Words | null
  product: string | null
  grade: Grade | null
  signals: string[]
  repeats: number
  opened_at: string
}
export interface Sheet {
  watched: boolean
  category: string | null
  category_title: Words | null
  region: string | null
  region_title: Words | null
  region_said: boolean
  responsible_team: string | null
  grade: Grade | null
  grade_reason: string | null
  signals: { signal: string; title: Words | null; grade: Grade; at: string }[]
  earlier: ComplaintRow[]
  earlier_hidden: number
  repeat_days: number
  file: FileInShort | null
}
export interface SummaryRow {
  key: string
  title: Words | null
  parent: string | null
  opened: number
  closed: number
  repeated: number
  critical: number
  before: number
}
export interface Summary {
  from: string
  to: string
  by: string
  total: SummaryRow
  rows: SummaryRow[]
  partial: boolean
}
export interface CareFile {
  id: string
  customer_id: string
  customer_name: string | null
  open: boolean
  overdue: boolean
  reason: string
  owner_id: string | null
  owner_name: string | null
  opened_at: string
  next_due_at: string | null
  closed_at: string | null
  outcome: string | null
  version: number
}
export interface CareAction {
  id: string
  key: string
  title: Words
  state: 'planned' | 'done' | 'left_out'
  approval: 'none' | 'needed' | 'approved' | 'refused'
  person_id: string | null
  person_name: string | null
  due_at: string
  overdue: boolean
  outcome: string | null
  note: string
  done_by: string | null
  done_at: string | null
  decided_by: string | null
  decision_note: string
}
export interface CareFileDetail extends CareFile {
  closing_text: string | null
  plan: string | null
  reasons: { reason: string; case: { id: string; number: string; title: string; status: string } | null; detail: string; at: string }[]
  care: CareAction[]
  may_manage: boolean
  may_approve: boolean
}

/** A name in the reader's language. */
export const words = (text: Words | null | undefined): string => (text ? (i18n.global.locale.value === 'zh-CN' ? text.zh : text.en) : '')
export const gradeTone = (grade: string | null | undefined) => (grade === 'critical' ? 'bad' : grade === 'major' ? 'warn' : 'neutral')

export const useCategories = (enabled: MaybeRefOrGetter<boolean> = true) =>
  useQuery({ queryKey: ['complaint-categories'], queryFn: async () => (await api.get<{ items: Category[] }>('/complaints/categories')).items, staleTime: 5 * 60_000, enabled: computed(() => toValue(enabled)) })
/** Working calendars by the key packs and settings name them with. */
export const useCalendars = () => {
  const found = useQuery({ queryKey: ['calendar-keys'], queryFn: () => api.get<(Titled & { key: string | null })[]>('/calendars'), staleTime: 60_000 })
  return computed(() => (found.data.value ?? []).flatMap((one) => (one.key ? [{ value: one.key as string | null, label: called(one) }] : [])))
}
/** A choice of them that keeps one that is there no longer. */
export const withOwn = (known: { value: string | null; label: string }[], own: string | null | undefined, none: string) => [
  { value: null as string | null, label: none },
  ...known,
  ...(own && !known.some((one) => one.value === own) ? [{ value: own as string | null, label: own }] : []),
]
/** Answers of the form that the sheet shows and changes. */
export const IN_SHEET = ['category', 'severity']
export const useSheet = (id: MaybeRefOrGetter<string>, enabled: MaybeRefOrGetter<boolean> = true) =>
  useQuery({ queryKey: computed(() => ['complaint-sheet', toValue(id)]), queryFn: () => api.get<Sheet>(`/complaints/cases/${toValue(id)}`), enabled: computed(() => toValue(enabled)), staleTime: 5_000 })

export interface Node extends Category {
  depth: number
  /** From the root down, in the reader's language. */
  path: string
}
/** The tree as a list, parents before their children; whoever lost their parent stands at the top. */
export function asTree(categories: readonly Category[]): Node[] {
  const known = new Set(categories.map((category) => category.key))
  const out: Node[] = []
  const walk = (parent: string | null, depth: number, above: string) => {
    for (const category of categories) {
      const under = category.parent && known.has(category.parent) ? category.parent : null
      if (under !== parent || depth > 6) continue
      const path = above ? `${above} / ${words(category.title)}` : words(category.title)
      out.push({ ...category, depth, path })
      walk(category.key, depth + 1, path)
    }
  }
  walk(null, 0, '')
  return out
}
