import { useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, watch } from 'vue'
import { api } from '@/api/client'
import { Problem } from '@/api/problem'
import type { Page } from '@/api/types'
import { has, i18n, t } from '@/i18n'
import { queryClient, useDirectory, useRoles } from '@/queries'
import { can, live } from '@/session'
import { problemText } from '@/ui/primitives'

/** What the server says of reviews and approvals. */
export interface Words {
  zh: string
  en: string
}
export interface Person {
  id: string
  name: string
}
export type State = 'open' | 'approved' | 'returned' | 'withdrawn' | 'write_up'
export interface Seat {
  person: Person
  origin: 'asked' | 'late' | 'administrator'
  state: 'waiting' | 'approved' | 'returned' | 'released'
  decided_at: string | null
  decided_by: Person | null
  via: 'desk' | 'mail' | null
  reason: string | null
  stand_ins: Person[]
}
export interface Step {
  step: number
  title: Words
  mode: 'any' | 'all'
  state: string
  who: string[]
  limit: string | null
  opened_at: string | null
  due_at: string | null
  late_at: string | null
  ended_at: string | null
  note: string | null
  seats: Seat[]
}
export interface Review {
  id: string
  flow: string
  flow_title: Words
  kind: 'review' | 'approval'
  title: string
  reason: string
  case: { id: string; number: string; title: string; solution: string | null; may_open: boolean } | null
  stage: string | null
  amount: number | null
  currency: string | null
  emergency: boolean
  state: State
  step: number
  of: number
  requester: Person | null
  requested_at: string
  decided_at: string | null
  end_reason: string | null
  note: string | null
  /** Since when the solution is another than was approved. */
  outdated_at: string | null
  /** A print of the solution as it stands; a decision gives it back. */
  about: string | null
  due_at: string | null
  late: boolean
  write_up: { due_at: string | null; text: string | null; at: string | null; late: boolean } | null
  waiting_for: Person[]
  places: Person[]
  can: ('decide' | 'withdraw' | 'emergency' | 'write_up')[]
  version: number
  steps: Step[]
}

export interface StepDef {
  title: Words
  who: string[]
  otherwise?: string[]
  mode?: 'any' | 'all'
  limit?: string | null
  late?: string[]
}
export interface Emergency {
  write_up: string
  late?: string[]
}
interface Common {
  key: string
  title: Words
  own?: boolean
  around_the_clock?: boolean
  /** Key or name of a working calendar. */
  calendar?: string | null
  by_mail?: boolean
  nobody?: 'administrators' | 'refuse'
  emergency?: Emergency | null
}
export interface Flow extends Common {
  step: StepDef[]
}
export interface Tier {
  up_to?: string | null
  alone?: string[]
  step: StepDef[]
}
export interface Authority extends Common {
  currency: string
  review_months?: number
  owner?: string[]
  tier: Tier[]
}
export interface Stored {
  id: string
  pack: string | null
  updated_at: string
  version: number
}
export interface Looked {
  reviewed_at: string | null
  reviewed_by: Person | null
  due_at: string
  due: boolean
}
export interface Fault {
  path: string
  wrong: string
  right: string
}
export interface Delegation {
  id: string
  from: Person
  to: Person
  kinds: string[]
  from_at: string
  until_at: string
  reason: string | null
  state: 'ahead' | 'in_force' | 'over'
}
export interface Option {
  key: string
  title: Words
  currency: string | null
  tiers: { up_to: string | null; alone: string[]; steps: Words[] }[]
  emergency: string | null
}

const isChinese = () => i18n.global.locale.value === 'zh-CN'
export const words = (text: Words | null | undefined): string => (text ? (isChinese() ? text.zh || text.en : text.en || text.zh) : '')
/** Notes of the server carry both languages, the Chinese one first. */
export function half(text: string | null): string {
  if (!text) return ''
  const [zh, en] = text.split(' · ')
  return (isChinese() ? zh : en) ?? text
}
/** Why it ended, where the product itself ended it. */
export function ending(reason: string | null): string {
  if (!reason) return ''
  const key = reason.toLowerCase().replace(/[^a-z0-9]+/g, '_')
  return has(`reviews.ended.${key}`) ? t(`reviews.ended.${key}`) : half(reason)
}

/** Why a decision was not taken; of one that is over, how and by whom. */
export function refusal(error: unknown): string {
  const detail = error instanceof Problem ? (error.detail as { state?: string; by?: string | null } | undefined) : undefined
  if (error instanceof Problem && error.code === 'review.not_open' && has(`reviews.over.${detail?.state}`)) {
    return t(`reviews.over.${detail?.state}`, { who: detail?.by || t('reviews.somebody') })
  }
  return problemText(error)
}

const DIGITS: Record<string, number> = { JPY: 0, KRW: 0, VND: 0, CLP: 0, KWD: 3, BHD: 3, JOD: 3 }
export const digitsOf = (currency: string) => DIGITS[currency] ?? 2
export function money(minor: number | null, currency: string | null): string {
  if (minor === null || !currency) return ''
  const digits = digitsOf(currency)
  return new Intl.NumberFormat(i18n.global.locale.value, { style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(minor / 10 ** digits)
}
/** `1000.5` in minor units, exactly; null when it is no amount. */
export function minorOf(text: string, currency: string): number | null {
  const found = /^(\d{1,12})(?:\.(\d+))?$/.exec(text.trim())
  const digits = digitsOf(currency)
  if (!found || (found[2] ?? '').length > digits) return null
  return Number(found[1] + (found[2] ?? '').padEnd(digits, '0'))
}
/** The tier an amount falls into. */
export function tierOf(option: Option, minor: number): Option['tiers'][number] | undefined {
  return option.tiers.find((tier) => tier.up_to === null || minor <= (minorOf(tier.up_to, option.currency ?? '') ?? 0))
}

export const TONE = { open: 'accent', approved: 'good', returned: 'bad', withdrawn: 'neutral', write_up: 'warn' } as const

/** The words of flows for people, with the names of roles and persons where they are known. */
export function useWho() {
  const roles = useRoles()
  const directory = useDirectory()
  const roleName = (key: string) => {
    const found = roles.data.value?.find((role) => role.key === key || role.id === key)
    if (!found) return key
    return typeof found.name === 'string' ? found.name : words(found.name)
  }
  const name = (word: string): string => {
    const at = word.indexOf(':')
    if (at < 0) return t(`reviews.who.${word}`)
    const value = word.slice(at + 1)
    return word.startsWith('role:') ? roleName(value) : (directory.data.value?.people.find((person) => person.id === value)?.name ?? t('reviews.who.person'))
  }
  const options = computed(() => [
    ...['team_lead', 'department_lead', 'above', 'administrators'].map((word) => ({ value: word, label: t(`reviews.who.${word}`), hint: t('reviews.who.rule') })),
    ...(roles.data.value ?? []).map((role) => ({ value: `role:${role.key ?? role.id}`, label: roleName(role.key ?? role.id), hint: t('reviews.who.role') })),
    ...(directory.data.value?.people ?? []).filter((person) => person.active).map((person) => ({ value: `person:${person.id}`, label: person.name, pinyin: person.pinyin, hint: t('reviews.who.person') })),
  ])
  return { name, options }
}

/** Everything of reviews that is on the screen is fetched again. */
export const refresh = () => queryClient.invalidateQueries({ queryKey: ['reviews'] })

/** Follows the live line as long as the page is there; a reviewer without cases hears by looking again. */
export function useFresh(): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      void refresh()
    }, 500)
  }
  watch(live, (line, _before, clean) => line && clean(line.listen({ event: (event) => (event.kind.startsWith('review.') || event.kind === 'notice') && soon(), resync: soon })), { immediate: true })
  addEventListener('focus', soon)
  onScopeDispose(() => {
    clearTimeout(timer)
    removeEventListener('focus', soon)
  })
}

export const useCounts = () => useQuery({ queryKey: ['reviews', 'counts'], queryFn: () => api.get<{ waiting: number; write_ups: number; capped: boolean }>('/reviews/counts'), staleTime: 20_000 })
export const useReview = (id: () => string | null) =>
  useQuery({ queryKey: ['reviews', 'one', id], queryFn: () => api.get<Review>(`/reviews/${id()}`), enabled: () => id() !== null })
export const useOfCase = (id: () => string) => useQuery({ queryKey: ['reviews', 'case', id], queryFn: () => api.get<Review[]>(`/cases/${id()}/reviews`) })
export const useOptions = (on: () => boolean) => useQuery({ queryKey: ['reviews', 'options'], queryFn: () => api.get<{ authorities: Option[]; flows: Option[] }>('/review-options'), enabled: () => on() && can('review.request'), staleTime: 60_000 })
export const fetchPage = (show: string, state: string | null, after: string | null) => api.get<Page<Review>>('/reviews', { show, state, after, limit: 50 })
