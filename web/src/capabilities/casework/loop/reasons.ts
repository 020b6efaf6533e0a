import type { Case, CaseType, Status, Way } from '@/api/types'
import { has, i18n, t } from '@/i18n'
import { said } from '../form/forms'

/** Why a case cannot go to a stage, as `GET /cases/{id}/moves` and a refused move tell it, in the reader's language. */
export type Reason =
  | { why: 'no_such_stage'; stage: string }
  | { why: 'already_there'; stage: string }
  | { why: 'not_from_here'; from: string; to: string; allowed: string[] }
  | { why: 'not_yours'; who: string[] }
  | { why: 'missing'; fields: string[] }
  | { why: 'condition'; gate: 'enter' | 'leave'; stage: string; condition: string; failed: { path: string; found: unknown }[] }
  | { why: 'unverified'; ways: Way[] }

export interface Move {
  stage: string
  status: Status
  allowed: boolean
  problem: { code: string; message: string; detail?: { reasons?: Reason[] } | null } | null
}

export const reasonsOf = (move: Move): Reason[] => move.problem?.detail?.reasons ?? []
/** What the dialog itself can put right: answers, and how the end is verified. */
export const mendable = (reason: Reason) => reason.why === 'missing' || reason.why === 'unverified'
export const hopeless = (move: Move) => !move.allowed && reasonsOf(move).some((reason) => !mendable(reason))

const chinese = () => i18n.global.locale.value === 'zh-CN'
export const stageName = (type: CaseType | undefined, key: string): string => {
  const name = type?.stages.find((stage) => stage.key === key)?.name
  return name ? (chinese() ? name.zh : name.en) : has(`desk.stage.${key}`) ? t(`desk.stage.${key}`) : key
}
export const fieldName = (type: CaseType | undefined, key: string): string => {
  const field = (type?.form?.section ?? []).flatMap((section) => section.field).find((found) => found.key === key)
  return said(field?.label) || key
}
export const resolutionName = (type: CaseType | undefined, key: string | null | undefined): string => {
  const name = type?.resolutions.find((found) => found.key === key)?.name
  return name ? (chinese() ? name.zh : name.en) : (key ?? '')
}

const list = (parts: string[]) => new Intl.ListFormat(i18n.global.locale.value, { type: 'disjunction' }).format(parts)
const both = (parts: string[]) => new Intl.ListFormat(i18n.global.locale.value, { type: 'conjunction' }).format(parts)

/** `all[1].not.fields.cause` → what it is called. */
function factName(type: CaseType | undefined, path: string): string {
  const fields = /(?:^|\.)fields\.(\w+)$/.exec(path)
  if (fields?.[1]) return fieldName(type, fields[1])
  const had = /(?:^|\.)had\.(\w+)$/.exec(path)
  if (had?.[1]) return t('work.loop.had', { name: fieldName(type, had[1]) })
  const name = path.replace(/^(?:(?:all|any)\[\d+\]|not)(?:\.(?:(?:all|any)\[\d+\]|not))*\./, '')
  const key = `work.fact.${name.replaceAll('.', '_')}`
  return has(key) ? t(key) : name
}
function factValue(found: unknown): string {
  if (found === null || found === undefined || found === '' || (Array.isArray(found) && found.length === 0)) return t('work.loop.empty')
  if (typeof found === 'boolean') return t(found ? 'ui.yes' : 'ui.no')
  const text = String(found)
  for (const group of ['work.review', 'desk.status', 'desk.priority']) if (has(`${group}.${text}`)) return t(`${group}.${text}`)
  return text
}

/** One reason as a sentence that also says what would be right. */
export function reasonText(reason: Reason, type: CaseType | undefined): string {
  switch (reason.why) {
    case 'not_from_here':
      return reason.allowed.length > 0 ? t('work.loop.not_from_here', { to: list(reason.allowed.map((key) => stageName(type, key))) }) : t('work.loop.stays')
    case 'not_yours':
      return t('work.loop.not_yours', { who: list(reason.who.map((who) => (has(`work.who.${who}`) ? t(`work.who.${who}`) : t('work.who.permission')))) })
    case 'missing':
      return t('work.loop.missing', { fields: both(reason.fields.map((key) => fieldName(type, key))) })
    case 'condition':
      return t(`work.loop.${reason.gate === 'leave' ? 'leave' : 'enter'}`, { stage: stageName(type, reason.stage), found: both(reason.failed.map((one) => t('work.loop.found', { name: factName(type, one.path), value: factValue(one.found) }))) || reason.condition })
    case 'unverified':
      return t('work.loop.unverified', { ways: list(reason.ways.map((way) => t(`work.way.${way}`))) })
    case 'already_there':
      return t('work.loop.already')
    default:
      return t('work.loop.no_such_stage')
  }
}

/** Whether this end puts the case aside unasked: then it is said in words why. */
export function isAside(found: Case, type: CaseType | undefined, code: string | null): boolean {
  const owed = type?.asks_verification === true || found.verification?.needed === true
  return owed && found.verification?.verified !== true && type?.resolutions.find((entry) => entry.key === code)?.aside === true
}
/** Shortest reason that says something, as the server counts it. */
export const saysWhy = (text: string) => [...text.trim()].length >= 4

/** Whether this end still has to be verified, with the resolution it would have. */
export function owes(found: Case, code: string | null): boolean {
  const verification = found.verification
  return Boolean(verification?.needed && !verification.verified && !(code && verification.by_resolution.includes(code)))
}
