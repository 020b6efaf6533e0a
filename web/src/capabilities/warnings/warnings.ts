import { useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, watch } from 'vue'
import { api } from '@/api/client'
import type { LocalName, Page } from '@/api/types'
import { i18n, t } from '@/i18n'
import { span } from '@/i18n/time'
import { allOf, queryClient, useDirectory, useRoles } from '@/queries'
import { live } from '@/session'
import type { IconName } from '@/ui/icons'

/** What the server says of early warnings, bulletins and crises. */
export interface Words {
  zh: string
  en: string
}
export interface Person {
  id: string
  name: string
}
export const GRADES = ['blue', 'yellow', 'orange', 'red'] as const
export type Grade = (typeof GRADES)[number]
/** A grade is never a colour alone. */
export const LOOK: Record<Grade, { tone: 'accent' | 'note' | 'warn' | 'bad'; icon: IconName }> = {
  blue: { tone: 'accent', icon: 'info' },
  yellow: { tone: 'note', icon: 'flag' },
  orange: { tone: 'warn', icon: 'alert' },
  red: { tone: 'bad', icon: 'fire' },
}
export interface Warning {
  id: string
  threshold_id: string | null
  threshold: string
  title: Words
  grade: Grade
  why: 'count' | 'band' | 'rule'
  category: string | null
  category_title: Words | null
  region: string | null
  region_title: Words | null
  product: string | null
  count: number
  peak: number
  limit: number
  window_s: number
  response: Words
  case_id: string | null
  case_number: string | null
  case_problem: string | null
  state: 'open' | 'answered' | 'closed'
  raised_at: string
  graded_at: string
  respond_by: string
  overdue: boolean
  people: Person[]
  answer: string | null
  answered_at: string | null
  answered_by: Person | null
  late: boolean
  closed_at: string | null
  closed_by: Person | null
  may_answer: boolean
}
export interface Step {
  kind: 'raised' | 'climbed' | 'overdue' | 'answered' | 'closed' | 'reopened'
  grade: Grade
  from: Grade | null
  count: number
  limit: number
  why: string
  by: Person | null
  text: string | null
  at: string
}
export interface WarningWhole extends Warning {
  history: Step[]
  cases: { case_id: string; number: string; case_type: string; category: string | null; opened_at: string }[]
}
export interface ChartPoint {
  at: string
  count: number
  upper: number | null
  median: number | null
}
export interface Chart {
  points: ChartPoint[]
  limits: [Grade, number][]
}
export interface Level {
  grade: Grade
  limit: number
  response: Words
  within_hours: number
  calendar?: string | null
  to: string[]
}
export interface ThresholdData {
  key: string
  title: Words
  enabled: boolean
  types?: string[]
  category?: string | null
  region?: string | null
  product?: string | null
  where?: string | null
  by?: ('category' | 'region' | 'product')[]
  level?: number | null
  window: string
  grade: Level[]
  band?: { weeks: number; k: number; min_count: number; grade: Grade } | null
  ladder?: { after_hours: number; to: string[] }[]
}
export interface Threshold extends ThresholdData {
  id: string
  window_s: number
  counting: boolean
  pack: string | null
  open: number
  updated_at: string
  version: number
}
export interface Trial {
  days: number
  counted: number
  cases: number
  cut: boolean
  raised: number
  by_grade: Partial<Record<Grade, number>>
  raises: { at: string; grade: Grade; from: Grade | null; category: string | null; category_title: Words | null; region_title: Words | null; region: string | null; product: string | null; count: number; limit: number; why: 'count' | 'band' }[]
  chart: Chart
  chart_group: Words
}
export interface Bulletin {
  id: string
  period: 'daily' | 'weekly'
  from: string
  to: string
  cases: number
  cases_before: number
  raised: number
  in_time: number
  due: number
  overdue: number
  people: number
  made_by: Person | null
  made_at: string
}
export interface Plan {
  enabled: boolean
  at: string
  weekday: number
  to: string[]
}
export interface WarningSettings {
  daily: Plan
  weekly: Plan
  crisis_group: string[]
  plan_hours: number
  write_up_days: number
  members: Person[]
  time_zone: string
}
export interface Crisis {
  id: string
  case_id: string | null
  case_number: string | null
  case_problem: string | null
  warning_id: string | null
  from_case_id: string | null
  title: string
  situation: string
  state: 'convened' | 'responding' | 'over' | 'ended'
  declared_by: Person
  declared_at: string
  plan_hours: number
  plan_due_at: string
  plan_overdue: boolean
  plan: string | null
  plan_at: string | null
  plan_by: Person | null
  spokesperson: string | null
  statement: string | null
  statement_at: string | null
  over_at: string | null
  over_by: Person | null
  write_up_due_at: string | null
  write_up_overdue: boolean
  write_up: string | null
  write_up_at: string | null
  write_up_by: Person | null
  ended_at: string | null
  members: { id: string; name: string; acknowledged_at: string | null }[]
  may_acknowledge: boolean
  may_act: boolean
}
export interface CrisisWhole extends Crisis {
  log: { id: string; kind: string; by: Person | null; text: string; at: string }[]
}

export const words = (text: Words | null | undefined) => (text ? (i18n.global.locale.value === 'zh-CN' ? text.zh : text.en) : '')
/** Names in a row, as the reader's language separates them. */
export const names = (people: readonly { name: string }[]) => people.map((one) => one.name).join(i18n.global.locale.value === 'zh-CN' ? '、' : ', ')
export const gradeName = (grade: Grade) => t(`warnings.grade.${grade}`)
const roleName = (name: string | LocalName) => (typeof name === 'string' ? name : words(name))

/** Length of a window: `24 h`, `7 d`. */
export function windowText(seconds: number): string {
  if (seconds % 86_400 === 0) return t('warnings.days', { n: seconds / 86_400 })
  if (seconds % 3600 === 0) return t('warnings.hours', { n: seconds / 3600 })
  return t('warnings.minutes', { n: seconds / 60 })
}
/** Time left until `at`, or over it. */
export function until(at: string, now: number): { late: boolean; text: string } {
  const left = Math.floor((new Date(at).getTime() - now) / 1000)
  return { late: left < 0, text: t(left < 0 ? 'clock.over' : 'clock.left', { span: span(Math.abs(left)) }) }
}

/** Parties as words, and those one may choose from. */
export function useParties() {
  const directory = useDirectory()
  const roles = useRoles()
  const name = (party: string): string => {
    const [kind, rest = ''] = [party.slice(0, party.indexOf(':')), party.slice(party.indexOf(':') + 1)]
    if (kind === 'person') return directory.data.value?.people.find((one) => one.id === rest)?.name ?? t('warnings.somebody')
    if (kind === 'team') return directory.data.value?.teams.find((one) => one.id === rest)?.name ?? rest
    const key = rest.replace(/@region$/, '')
    const found = roles.data.value?.find((one) => (one.key ?? one.id) === key)
    const base = found ? roleName(found.name) : key
    return rest.endsWith('@region') ? t('warnings.of_region', { name: base }) : base
  }
  const options = computed(() => [
    ...(roles.data.value ?? []).flatMap((one) => {
      const party = `role:${one.key ?? one.id}`
      return [
        { value: party, label: name(party), hint: t('warnings.party.role') },
        { value: `${party}@region`, label: name(`${party}@region`), hint: t('warnings.party.role') },
      ]
    }),
    ...(directory.data.value?.teams ?? []).map((one) => ({ value: `team:${one.id}`, label: one.name, pinyin: one.pinyin, hint: t('warnings.party.team') })),
    ...(directory.data.value?.people ?? []).filter((one) => one.active).map((one) => ({ value: `person:${one.id}`, label: one.name, pinyin: one.pinyin, hint: t('warnings.party.person') })),
  ])
  return { name, options }
}

export interface Counts {
  open: number
  unanswered: number
  overdue: number
  red: number
  crises: number
}
export const refresh = () => queryClient.invalidateQueries({ queryKey: ['warnings'] })
export const useCounts = (on: () => boolean) => useQuery({ queryKey: ['warnings', 'counts'], queryFn: () => api.get<Counts>('/warnings/counts'), enabled: on, staleTime: 20_000 })
export const useWarnings = (state: () => string) => useQuery({ queryKey: ['warnings', 'list', state], queryFn: () => api.get<Page<Warning>>('/warnings', { state: state(), limit: 100 }) })
export const useThresholds = () => useQuery({ queryKey: ['warnings', 'thresholds'], queryFn: () => allOf<Threshold>('/warning-thresholds') })
export const useSettings = () => useQuery({ queryKey: ['warnings', 'settings'], queryFn: () => api.get<WarningSettings>('/warning-settings') })

/** Follows the live line as long as the page is there. */
export function useFresh(): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      void refresh()
    }, 500)
  }
  const ours = /^(warning|bulletin|crisis)\./
  watch(live, (line, _before, clean) => line && clean(line.listen({ event: (event) => ours.test(event.kind) && soon(), resync: soon })), { immediate: true })
  addEventListener('focus', soon)
  onScopeDispose(() => {
    clearTimeout(timer)
    removeEventListener('focus', soon)
  })
}
