import { reactive } from 'vue'
import { Problem } from '@/api/problem'
import { has, t } from '@/i18n'

export interface Toast {
  id: number
  text: string
  tone: 'info' | 'good' | 'bad'
  /** What "Undo" does; the toast also answers to Mod+Z while it stands. */
  undo?: () => void | Promise<void>
  action?: { label: string; run: () => void }
  /** A second line: a request id, a reason. */
  detail?: string
  /** Counts down on the toast, e.g. until a message really leaves. Milliseconds since 1970. */
  until?: number
}

/** Undo must stay reachable at least this long (UX-13). */
const UNDO_MS = 10_000
const PLAIN_MS = 4_000
const BAD_MS = 9_000

export const toasts = reactive<Toast[]>([])
const timers = new Map<number, ReturnType<typeof setTimeout>>()
let lastId = 0

export function toast(text: string, options: Partial<Omit<Toast, 'id' | 'text'>> = {}): number {
  lastId += 1
  const entry: Toast = { id: lastId, text, tone: 'info', ...options }
  toasts.push(entry)
  if (toasts.length > 4) dismiss(toasts[0]!.id)
  const life = options.until ? options.until - Date.now() : options.undo ? UNDO_MS : options.tone === 'bad' ? BAD_MS : PLAIN_MS
  timers.set(entry.id, setTimeout(() => dismiss(entry.id), Math.max(1000, life)))
  return entry.id
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((entry) => entry.id === id)
  if (at >= 0) toasts.splice(at, 1)
  clearTimeout(timers.get(id))
  timers.delete(id)
}

/** Deeds the server has not answered yet. */
const waiting = new Set<Promise<unknown>>()

/** A hand may ask for undo before the answer to the deed is here; undo then waits for it. */
export function undoWaitsFor(deed: Promise<unknown>): void {
  const quiet = deed.catch(() => undefined).finally(() => waiting.delete(quiet))
  waiting.add(quiet)
}

/** Undoes the newest thing that can be undone; false when there is none. */
export async function undoLast(): Promise<boolean> {
  await Promise.all(waiting)
  for (let i = toasts.length - 1; i >= 0; i -= 1) {
    const entry = toasts[i]
    if (entry?.undo) {
      const { undo, id } = entry
      dismiss(id)
      void Promise.resolve(undo()).catch(toastProblem)
      return true
    }
  }
  return false
}

/** Whom a refusal names: the author of a message, who was quicker, whose place it is. */
function named(detail: unknown): { who: string } {
  const told = (detail ?? {}) as { author?: { name?: string }; by?: string; of?: string }
  return { who: told.author?.name ?? told.by ?? told.of ?? '' }
}

/** What went wrong, in words, with the id to quote (UX-50). */
export function problemText(error: unknown): string {
  if (error instanceof Problem) {
    if (error.offline) return t('problem.offline')
    if (error.code === 'answer.unreadable') return t('problem.unreadable')
    if (error.status === 429) return t('problem.throttled', { seconds: error.retryAfter ?? 30 })
    if (error.code.startsWith('http.')) return t('problem.http', { status: error.status })
    const known = `problem.code.${error.code.replaceAll('.', '_')}`
    // The code has words in the reader's language; where the server says more about a field, that is told too.
    if (has(known)) return error.status === 422 && !error.code.includes('.') && error.message ? `${t(known)} (${error.message})` : t(known, named(error.detail))
    const expected = error.expected ? ` ${t('problem.expected', { expected: error.expected })}` : ''
    return `${error.message}${expected}`
  }
  return error instanceof Error ? error.message : String(error)
}

export function toastProblem(error: unknown): void {
  const id = error instanceof Problem && error.requestId ? t('problem.id', { id: error.requestId }) : undefined
  toast(problemText(error), { tone: 'bad', detail: id })
}
