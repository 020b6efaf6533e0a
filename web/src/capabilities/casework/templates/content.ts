import type { Priority } from '@/api/types'

/** The case a template or a recurrence opens. */
export interface Content {
  type: string
  /** `{date}` becomes the day. */
  title: string
  text: string
  priority: Priority | null
  team_id: string | null
  org_unit_id: string | null
  assignee_id: string | null
  tags: string[]
  fields: Record<string, unknown>
}
/** The same in a form. */
export interface Draft {
  type: string
  subject: string
  text: string
  priority: Priority
  team: string | null
  assignee: string | null
  tags: string
  fields: Record<string, unknown>
}
export const blankDraft = (type = 'request'): Draft => ({ type, subject: '', text: '', priority: 'normal', team: null, assignee: null, tags: '', fields: {} })
export const draftOf = (content: Content): Draft => ({ type: content.type, subject: content.title, text: content.text, priority: content.priority ?? 'normal', team: content.team_id, assignee: content.assignee_id, tags: content.tags.join('，'), fields: { ...content.fields } })
/** What the form does not show stays as it was. */
export const contentOf = (draft: Draft, before?: Content | null): Content => ({
  type: draft.type,
  title: draft.subject.trim(),
  text: draft.text.trim(),
  priority: draft.priority,
  team_id: draft.team,
  org_unit_id: before?.org_unit_id ?? null,
  assignee_id: draft.assignee,
  tags: draft.tags.split(/[,，、]/).map((tag) => tag.trim()).filter(Boolean),
  fields: Object.fromEntries(Object.entries(draft.fields).filter(([, value]) => value !== null && value !== undefined && value !== '')),
})
