import { computed, onScopeDispose, reactive, ref, watch } from 'vue'
import { api } from '@/api/client'
import { isProblem } from '@/api/problem'
import type { Attachment, ComposerMode, Draft, Recipient } from '@/api/types'
import { keepUnsaved, takeUnsaved } from '../../casework/unsaved'
import { tabs } from '../tabs/tabs'

/** What is being written for one case in one mode. */
export interface Writing {
  text: string
  html: string
  to: Recipient[]
  cc: Recipient[]
  bcc: Recipient[]
  attachments: Attachment[]
  /** The newest message the writer had seen when the draft began; what guards against answering past a colleague (UX-07). */
  basedOn: string | null
  version: number | undefined
}

export type Saved = 'clean' | 'dirty' | 'saving' | 'saved' | 'failed'

/** The same draft was written somewhere else too; nothing is saved over it until the writer has chosen. */
export interface DraftConflict {
  mode: ComposerMode
  theirs: Writing
}

const MODES = ['reply', 'note', 'forward'] as const
/** Drafts must be on the server within a second of the last key (UX-10). */
const SAVE_MS = 600
const RETRY_MS = 3000

export function emptyWriting(): Writing {
  return { text: '', html: '', to: [], cc: [], bcc: [], attachments: [], basedOn: null, version: undefined }
}

export function isEmpty(writing: Writing): boolean {
  return writing.text.trim() === '' && writing.attachments.length === 0
}

export function fromDraft(draft: Draft): Writing {
  const known = new Map((draft.files ?? []).map((file) => [file.id, file]))
  return {
    text: draft.text,
    html: draft.html ?? '',
    to: draft.to ?? [],
    cc: draft.cc ?? [],
    bcc: draft.bcc ?? [],
    attachments: (draft.attachments ?? []).map((file) => (typeof file === 'string' ? (known.get(file) ?? { id: file, name: file, type: '', size: 0 }) : file)),
    basedOn: draft.based_on ?? null,
    version: draft.version,
  }
}

function sameContent(a: Writing, b: Writing): boolean {
  const files = (writing: Writing) => writing.attachments.map((file) => file.id).join()
  return a.text.trim() === b.text.trim() && files(a) === files(b)
}

/** The list of drafts as `{items}`, a bare list with `kind`/`mode`, or an object by mode. */
function byMode(answer: unknown): Partial<Record<ComposerMode, Draft>> {
  const found: Partial<Record<ComposerMode, Draft>> = {}
  const list = Array.isArray(answer) ? answer : ((answer as { items?: unknown[] } | null)?.items ?? null)
  if (list) {
    for (const entry of list as (Draft & { kind?: ComposerMode; mode?: ComposerMode })[]) {
      const mode = entry.kind ?? entry.mode
      if (mode) found[mode] = entry
    }
  } else if (answer && typeof answer === 'object') {
    const inner = ((answer as { drafts?: unknown }).drafts ?? answer) as Record<string, Draft | null>
    if (Array.isArray(inner)) return byMode(inner)
    for (const mode of MODES) if (inner[mode]) found[mode] = inner[mode]
  }
  return found
}

/** Last saves of cases that were put away. */
const leaving = new Map<string, Promise<void>>()
/** Resolves once nothing of this case's draft is under way to the server any more. */
export const draftSettled = (caseId: string): Promise<void> => leaving.get(caseId) ?? Promise.resolve()

export function useDraft(caseId: string) {
  const writing = reactive<Record<ComposerMode, Writing>>({ reply: emptyWriting(), note: emptyWriting(), forward: emptyWriting() })
  const saved = ref<Saved>('clean')
  const conflict = ref<DraftConflict | null>(null)
  const dirty = new Set<ComposerMode>()
  /** Something waits here to be sent; the tab of the case shows it (UX-25). */
  const unsent = computed(() => MODES.some((mode) => !isEmpty(writing[mode])))
  watch(unsent, (now) => tabs.setDraft(caseId, now), { flush: 'sync' })
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | undefined

  async function load(): Promise<ComposerMode | null> {
    let newest: { mode: ComposerMode; at: string } | null = null
    // What a crash or a reload cut off before it reached the server.
    for (const mode of MODES) {
      const kept = takeUnsaved<Writing>(caseId, mode)
      if (!kept || isEmpty(kept) || dirty.has(mode)) continue
      Object.assign(writing[mode], kept)
      newest = { mode, at: '9' }
      touch(mode)
    }
    const found = byMode(await api.get(`/cases/${caseId}/drafts`).catch((problem) => {
      if (newest) return []
      throw problem
    }))
    for (const [mode, draft] of Object.entries(found) as [ComposerMode, Draft][]) {
      if (dirty.has(mode)) continue
      Object.assign(writing[mode], fromDraft(draft))
      if (!isEmpty(writing[mode]) && (!newest || (draft.updated_at ?? '') > newest.at)) newest = { mode, at: draft.updated_at ?? '' }
    }
    tabs.setDraft(caseId, unsent.value)
    return newest?.mode ?? null
  }

  /** Takes over what another tab or device did to drafts this one has not touched since; answers the modes that changed. */
  async function sync(): Promise<ComposerMode[]> {
    if (dirty.size > 0 || running || conflict.value) return []
    const before = Object.fromEntries(MODES.map((mode) => [mode, writing[mode].version]))
    const found = byMode(await api.get(`/cases/${caseId}/drafts`))
    const changed: ComposerMode[] = []
    for (const mode of MODES) {
      const [now, draft] = [writing[mode], found[mode]]
      if (dirty.has(mode) || running || now.version !== before[mode]) continue
      if (draft ? draft.version === now.version : now.version === undefined) continue
      const next = draft ? fromDraft(draft) : emptyWriting()
      if (!sameContent(now, next)) changed.push(mode)
      Object.assign(now, next)
    }
    return changed
  }

  async function saveOne(mode: ComposerMode): Promise<void> {
    const now = writing[mode]
    if (isEmpty(now)) {
      await api.delete(`/cases/${caseId}/drafts/${mode}`)
      now.version = undefined
      return
    }
    const body: Record<string, unknown> = { text: now.text, html: now.html || null, to: now.to, cc: now.cc, bcc: now.bcc, attachments: now.attachments.map((file) => file.id), based_on: now.basedOn }
    if (now.version !== undefined) body.version = now.version
    try {
      const answer = await api.put<Partial<Draft> | { draft?: Draft } | undefined>(`/cases/${caseId}/drafts/${mode}`, body)
      const draft = answer && 'draft' in answer ? answer.draft : (answer as Partial<Draft> | undefined)
      now.version = draft?.version ?? now.version
    } catch (problem) {
      const current = isProblem(problem, 'version_conflict') ? (problem.detail as { current?: Draft } | null)?.current : undefined
      if (!current) throw problem
      const theirs = fromDraft(current)
      // The same words, or nothing there: no question to ask.
      if (sameContent(now, theirs) || isEmpty(theirs)) {
        now.version = current.version
        return saveOne(mode)
      }
      conflict.value = { mode, theirs }
      dirty.add(mode)
    }
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    if (running) await running
    const modes = [...dirty].filter((mode) => mode !== conflict.value?.mode)
    if (modes.length === 0) return
    modes.forEach((mode) => dirty.delete(mode))
    saved.value = 'saving'
    running = (async () => {
      try {
        for (const mode of modes) {
          await saveOne(mode)
          if (!dirty.has(mode)) keepUnsaved(caseId, mode, null)
        }
        saved.value = dirty.size > 0 ? 'dirty' : 'saved'
      } catch {
        modes.forEach((mode) => dirty.add(mode))
        saved.value = 'failed'
        timer = setTimeout(() => void flush(), RETRY_MS)
      }
    })()
    await running
    running = undefined
  }

  function touch(mode: ComposerMode): void {
    dirty.add(mode)
    keepUnsaved(caseId, mode, writing[mode])
    if (saved.value !== 'failed') saved.value = 'dirty'
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), SAVE_MS)
  }

  /** Ends a conflict: with this text, or with the other one. */
  function settle(mine: boolean): void {
    const now = conflict.value
    if (!now) return
    conflict.value = null
    if (mine) {
      writing[now.mode].version = now.theirs.version
      touch(now.mode)
    } else {
      Object.assign(writing[now.mode], now.theirs)
      dirty.delete(now.mode)
      keepUnsaved(caseId, now.mode, null)
      saved.value = 'saved'
    }
  }

  /** After a message has gone: the draft is used up. */
  async function discard(mode: ComposerMode): Promise<void> {
    dirty.delete(mode)
    clearTimeout(timer)
    if (running) await running
    if (conflict.value?.mode === mode) conflict.value = null
    dirty.delete(mode)
    keepUnsaved(caseId, mode, null)
    Object.assign(writing[mode], emptyWriting())
    saved.value = 'clean'
    await api.delete(`/cases/${caseId}/drafts/${mode}`).catch(() => undefined)
    if (dirty.size > 0) void flush()
  }

  const warn = (event: BeforeUnloadEvent) => {
    if (dirty.size > 0) {
      void flush()
      event.preventDefault()
    }
  }
  const back = () => void flush()
  addEventListener('beforeunload', warn)
  addEventListener('online', back)
  onScopeDispose(() => {
    removeEventListener('beforeunload', warn)
    removeEventListener('online', back)
    leaving.set(caseId, flush().finally(() => leaving.delete(caseId)))
  })
  return { writing, saved, conflict, load, sync, touch, flush, settle, discard }
}
