import type { Condition } from '@/api/types'
import type { Vocabulary } from '../automation/rules'

/** What the condition of a service level may ask of a case; the same list as the server's. */
const TEXT = ['eq', 'ne', 'in', 'not_in', 'contains', 'contains_any', 'starts_with', 'empty', 'not_empty']
const FIELDS: [string, string, string, string][] = [
  ['type', 'text', '工单类型', 'case type'],
  ['priority', 'text', '优先级', 'priority'],
  ['channel', 'text', '渠道', 'channel'],
  ['inbox', 'text', '收件箱', 'inbox'],
  ['region', 'text', '客户区域', "customer's region"],
  ['tier', 'text', '客户等级', "customer's tier"],
  ['team', 'text', '班组', 'team'],
  ['org_unit', 'text', '部门', 'unit'],
  ['language', 'text', '语言', 'language'],
  ['tag', 'list', '标签', 'tag'],
  ['title', 'text', '标题', 'title'],
  ['stage', 'text', '环节', 'stage'],
]
export const MATCH: Vocabulary = {
  fields: FIELDS.map(([name, kind, zh, en]) => ({ name, kind, label: { zh, en }, writable: false, ...(name === 'language' ? { choices: ['zh', 'en'], names: { zh: '中文', en: 'English' } } : {}) })),
  events: [],
  macros: [],
  operators: { text: TEXT, list: ['contains', 'contains_any', 'contains_all', 'empty', 'not_empty'] },
  actions: [],
}
/** Every case is `null` for the server and an empty group for the builder. */
export const asGroup = (match: Condition | null): Condition => match ?? { all: [] }
export const asMatch = (group: Condition): Condition | null => ('all' in group && group.all.length === 0 ? null : group)

export interface Rung {
  at: string
  to: string[]
  clocks?: string[]
}
export const isRung = (text: string) => /^\d{1,4}%$/.test(text.trim()) || /^\+(\d+(\.\d+)?(wd|d|h|m|s)\s*)+$/.test(text.trim())
