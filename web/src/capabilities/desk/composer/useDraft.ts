import { onScopeDispose, reactive, ref } from 'vue'
import { api } from '@/api/client'
import { isProblem } from '@/api/problem'
import type { Attachment, ComposerMode, Draft, Recipient } from '@/api/types'

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

/** Drafts must be on the server within a second of the last key (UX-10). */
const SAVE_MS = 600
const RETRY_MS = 3000

export function emptyWriting(): Writing {
  return { text: '', html: '', to: [], cc: [], bcc: [], attachments: [], basedOn: null, version: undefined }
}

export function isEmpty(writing: Writing): boolean {
  return writing.text.trim() === '' && writing.attachments.length === 0
}

function fromDraft(draft: Draft): Writing {
  return {
    text: draft.text,
    html: draft.html ?? '',
    to: draft.to ?? [],
    cc: draft.cc ?? [],
    bcc: draft.bcc ?? [],
    attachments: (draft.attachments ?? []).map((file) => (typeof file === 'string' ? { id: file, name: file, type: '', size: 0 } : file)),
    basedOn: draft.based_on ?? null,
    version: draft.version,
  }
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
    for (const mode of ['reply', 'note', 'forward'] as const) if (inner[mode]) found[mode] = inner[mode]
  }
  return found
}

export function useDraft(caseId: string) {
  const writing = reactive<Record<ComposerMode, Writing>>({ reply: emptyWriting(), note: emptyWriting(), forward: emptyWriting() })
  const saved = ref<Saved>('clean')
  const dirty = new Set<ComposerMode>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | undefined

  async function load(): Promise<ComposerMode | null> {
    const found = byMode(await api.get(`/cases/${caseId}/drafts`))
    let newest: { mode: ComposerMode; at: string } | null = null
    for (const [mode, draft] of Object.entries(found) as [ComposerMode, Draft][]) {
      if (dirty.has(mode)) continue
      Object.assign(writing[mode], fromDraft(draft))
      if (!isEmpty(writing[mode]) && (!newest || (draft.updated_at ?? '') > newest.at)) newest = { mode, at: draft.updated_at ?? '' }
    }
    return newest?.mode ?? null
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
      // Another device wrote too: what is in front of the writer wins, the other text is not what they are looking at.
      const current = isProblem(problem, 'version_conflict') ? (problem.detail as { current?: Draft } | null)?.current : undefined
      if (!current) throw problem
      now.version = current.version
      await api.put(`/cases/${caseId}/drafts/${mode}`, { ...body, version: current.version })
      now.version = undefined
    }
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    if (running) await running
    if (dirty.size === 0) return
    const modes = [...dirty]
    dirty.clear()
    saved.value = 'saving'
    running = (async () => {
      try {
        for (const mode of modes) await saveOne(mode)
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
    if (saved.value !== 'failed') saved.value = 'dirty'
    clearTimeout(timer)
    timer = setTimeout(() => void flush(), SAVE_MS)
  }

  /** After a message has gone: the draft is used up. */
  async function discard(mode: ComposerMode): Promise<void> {
    dirty.delete(mode)
    clearTimeout(timer)
    if (running) await running
    Object.assign(writing[mode], emptyWriting())
    saved.value = 'clean'
    await api.delete(`/cases/${caseId}/drafts/${mode}`).catch(() => undefined)
  }

  const warn = (event: BeforeUnloadEvent) => {
    if (dirty.size > 0) {
      void flush()
      event.preventDefault()
    }
  }
  addEventListener('beforeunload', warn)
  onScopeDispose(() => {
    removeEventListener('beforeunload', warn)
    void flush()
  })
  return { writing, saved, load, touch, flush, discard }
}
