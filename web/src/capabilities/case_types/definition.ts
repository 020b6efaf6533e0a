import type { Condition, FormField, FormOption, FormWords, LocalName, LoopStep, Status, Way } from '@/api/types'
import { i18n } from '@/i18n'
import type { Reason } from '../casework/loop/reasons'
import type { Fault } from '../automation/rules'

/** A case type as it is written: the same data as a pack's `case-types/*.toml`. */
export interface StageDef {
  key: string
  title: LocalName
  status: Status
  loop: LoopStep
  help?: LocalName
  enter?: string | Condition
  leave?: string | Condition
  require?: string[]
  /** Left out: anywhere. */
  to?: string[]
  /** Left out: whoever may edit the case. */
  who?: string[]
  pause?: string[]
  review?: string
  approved?: string
  returned?: string
}
export interface FieldDef extends Omit<FormField, 'show_if' | 'require_if' | 'column'> {
  show_if?: string | Condition | null
  require_if?: string | Condition | null
  hidden?: 'drop' | 'keep'
  default?: unknown
  column?: FieldDef[]
}
export interface SectionDef {
  key?: string
  title?: FormWords
  show_if?: string | Condition | null
  field: FieldDef[]
}
export interface ResolutionDef {
  key: string
  title: LocalName
  aside?: boolean
}
export interface Definition {
  key: string
  title: LocalName
  help?: LocalName
  first: string
  working: string
  auto_archive?: boolean
  moved?: Record<string, string>
  stage: StageDef[]
  resolution: ResolutionDef[]
  verification: { ways: Way[]; by_resolution?: string[]; aside_by?: string[] }
  form?: { key: string; version?: number; title?: FormWords; section: SectionDef[] }
}
export interface StoredType {
  key: string
  version: number
  pack: string | null
  edited: boolean
  definition: Definition
  in_use: { stage: string; cases: number }[]
  moved: number
}
export interface TypeCheck {
  ok: boolean
  faults: Fault[]
  stages_in_use: { stage: string; cases: number }[]
  moves: { from: string; to: string; cases: number }[]
  running: number
}
export interface AnswerFault {
  field: string
  code: string
  zh: string
  en: string
}
export interface Attempted {
  form: { answers: Record<string, unknown>; faults: AnswerFault[]; hidden: string[]; required: string[] } | null
  stage: string
  moves: { stage: string; allowed: boolean; reasons: Reason[] }[]
  faults: Fault[]
}

export const STEPS: LoopStep[] = ['accept', 'handle', 'review', 'inform', 'callback', 'archive', 'improve']
export const STATUSES: Status[] = ['open', 'waiting', 'resolved', 'closed']
export const WHO = ['assignee', 'accountable', 'co_handler', 'team', 'system'] as const
export const CLOCKS = ['first_response', 'next_response', 'resolution'] as const
export const WAYS: Way[] = ['customer', 'signature', 'callback', 'reason']
export const FIELD_TYPES = ['text', 'long_text', 'number', 'money', 'date', 'datetime', 'choice', 'multi_choice', 'tree_choice', 'person', 'team', 'org_unit', 'customer', 'case', 'file', 'phone', 'email', 'id_number', 'plate', 'yes_no', 'rating', 'table', 'computed'] as const
/** A type of column: what a table cannot hold is left out. */
export const COLUMN_TYPES = FIELD_TYPES.filter((type) => !['table', 'computed', 'file'].includes(type))

export const isZh = () => i18n.global.locale.value === 'zh-CN'
export const name = (title: LocalName | undefined): string => (title ? (isZh() ? title.zh || title.en : title.en || title.zh) : '')
export const stageName = (definition: Definition, key: string): string => name(definition.stage.find((stage) => stage.key === key)?.title) || key
export const fieldsIn = (definition: Definition): FieldDef[] => (definition.form?.section ?? []).flatMap((section) => section.field)
export const copyOf = <T>(data: T): T => JSON.parse(JSON.stringify(data)) as T
export const isKey = (text: string) => /^[a-z][a-z0-9_-]{0,39}$/.test(text)

/** What is empty is left out, as the server writes it. */
export function clean<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => clean<unknown>(item)) as T
  if (value === null || typeof value !== 'object') return value
  const out: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined || part === null || part === '' || part === false) continue
    if (typeof part === 'object' && !Array.isArray(part) && (key === 'help' || key === 'pattern_says' || key === 'unit' || key === 'template') && !(part as LocalName).zh && !(part as LocalName).en) continue
    if (Array.isArray(part) && part.length === 0 && !['to', 'who', 'all', 'any', 'section', 'field', 'stage', 'resolution', 'ways', 'value'].includes(key)) continue
    out[key] = clean(part)
  }
  return out as T
}
/** As [clean], but what a comparison is compared with stays whatever it is. */
export function tidy(definition: Definition): Definition {
  const out = clean(definition)
  restore(definition, out)
  return out
}
/** `false` and empty values inside conditions and defaults mean something. */
function restore(from: unknown, to: unknown): void {
  if (from === null || to === null || typeof from !== 'object' || typeof to !== 'object') return
  for (const [key, part] of Object.entries(from as Record<string, unknown>)) {
    const target = to as Record<string, unknown>
    if (['enter', 'leave', 'show_if', 'require_if'].includes(key)) {
      if (part !== undefined && part !== null && part !== '') target[key] = copyOf(part)
    } else if (key === 'default' && part !== undefined && part !== null && part !== '') target[key] = copyOf(part)
    else if (typeof part === 'object') restore(part, target[key])
  }
}

/** Another key for a stage, wherever it is named; cases that stand there go along. */
export function renameStage(definition: Definition, from: string, to: string, inUse: boolean): void {
  const swap = (key: string | undefined) => (key === from ? to : key)
  definition.first = swap(definition.first) ?? ''
  definition.working = swap(definition.working) ?? ''
  for (const stage of definition.stage) {
    if (stage.key === from) stage.key = to
    if (stage.to) stage.to = stage.to.map((key) => swap(key) ?? key)
    stage.approved = swap(stage.approved)
    stage.returned = swap(stage.returned)
  }
  const moved = Object.fromEntries(Object.entries(definition.moved ?? {}).map(([old, now]) => [old, swap(now) ?? now]).filter(([old]) => old !== to))
  if (inUse) moved[from] = to
  definition.moved = moved
}
/** Takes a stage out, wherever it is named. */
export function dropStage(definition: Definition, key: string): void {
  definition.stage = definition.stage.filter((stage) => stage.key !== key)
  for (const stage of definition.stage) {
    if (stage.to) stage.to = stage.to.filter((to) => to !== key)
    if (stage.approved === key) stage.approved = undefined
    if (stage.returned === key) stage.returned = undefined
  }
}

/** A new type that is right already: accepted, handling, to be confirmed, archived. */
export function blankType(key: string, title: LocalName): Definition {
  const stage = (key: string, zh: string, en: string, status: Status, loop: LoopStep, to: string[]): StageDef => ({ key, title: { zh, en }, status, loop, to })
  return {
    key,
    title,
    first: 'accepted',
    working: 'handling',
    stage: [
      stage('accepted', '已受理', 'Accepted', 'open', 'accept', ['handling']),
      stage('handling', '处理中', 'Handling', 'open', 'handle', ['waiting_customer', 'confirming']),
      { ...stage('waiting_customer', '待客户回复', 'Waiting for customer', 'waiting', 'handle', ['handling']), pause: ['resolution'] },
      stage('confirming', '待客户确认', 'To be confirmed', 'resolved', 'callback', ['archived', 'handling']),
      stage('archived', '已归档', 'Archived', 'closed', 'archive', []),
    ],
    resolution: [
      { key: 'solved', title: { zh: '已解决', en: 'Solved' } },
      { key: 'duplicate', title: { zh: '重复', en: 'Duplicate' }, aside: true },
    ],
    verification: { ways: ['customer', 'callback', 'reason'], by_resolution: ['duplicate'] },
  }
}

export type Change = { path: string; before: string; after: string }
/** What differs between two versions, part by part; parts of lists are matched by their key. */
export function differences(before: unknown, after: unknown, path = ''): Change[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const keyed = (value: unknown): value is { key: string }[] => Array.isArray(value) && value.length > 0 && value.every((item) => item !== null && typeof item === 'object' && 'key' in item)
  if ((keyed(before) || keyed(after)) && Array.isArray(before ?? []) && Array.isArray(after ?? [])) {
    const [old, now] = [(before ?? []) as { key: string }[], (after ?? []) as { key: string }[]]
    const keys = [...new Set([...old.map((item) => item.key), ...now.map((item) => item.key)])]
    const parts = keys.flatMap((key) => differences(old.find((item) => item.key === key), now.find((item) => item.key === key), `${path}[${key}]`))
    return parts.length > 0 ? parts : [{ path, before: old.map((item) => item.key).join(', '), after: now.map((item) => item.key).join(', ') }]
  }
  const table = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)
  if (table(before) && table(after)) return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => differences(before[key], after[key], path ? `${path}.${key}` : key))
  const brief = (value: unknown) => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value))
  return [{ path, before: brief(before), after: brief(after) }]
}

export const leafCount = (options: FormOption[] | undefined): number => (options ?? []).reduce((sum, option) => sum + 1 + leafCount(option.option), 0)
