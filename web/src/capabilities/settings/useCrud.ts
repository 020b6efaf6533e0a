import { useQuery } from '@tanstack/vue-query'
import { ref, type Ref } from 'vue'
import { api, newIdempotencyKey } from '@/api/client'
import { isProblem } from '@/api/problem'
import { t } from '@/i18n'
import { allOf, queryClient } from '@/queries'
import { toast, toastProblem } from '@/ui/primitives'
import { useRefusal } from './useDeed'

interface Row {
  id: string
  version?: number
}

/**
 * A list and the drawer that edits one of it. Saving sends the version that was seen; when somebody else was faster, the page says so and
 * shows both, instead of overwriting (UX-08).
 * @param path the collection, e.g. `/teams`
 * @param blank a new form
 * @param fill a form from what the server has
 */
export function useCrud<R extends Row, F extends object>(path: string, blank: () => F, fill: (row: R) => F, invalidate: string[] = []) {
  const key = [path]
  const list = useQuery({ queryKey: key, queryFn: () => allOf<R>(path) })
  const open = ref(false)
  const current = ref<R | null>(null) as Ref<R | null>
  const form = ref(blank()) as Ref<F>
  const { problem: error, at: fieldError, general } = useRefusal()
  const conflict = ref<R | null>(null) as Ref<R | null>
  const busy = ref(false)
  let idempotency = newIdempotencyKey()

  function start(): void {
    current.value = null
    form.value = blank()
    error.value = conflict.value = null
    idempotency = newIdempotencyKey()
    open.value = true
  }
  function edit(row: R): void {
    current.value = row
    form.value = fill(row)
    error.value = conflict.value = null
    open.value = true
  }
  async function refresh(): Promise<void> {
    await Promise.all([key, ...invalidate.map((name) => [name])].map((queryKey) => queryClient.invalidateQueries({ queryKey })))
  }
  /** @returns what the server has now, or null when it refused. */
  async function save(body: object): Promise<R | null> {
    busy.value = true
    error.value = null
    try {
      const now = current.value
      const saved = now
        ? await api.patch<R>(`${path}/${now.id}`, { ...body, ...(now.version !== undefined ? { version: now.version } : {}) })
        : await api.post<R>(path, body, { idempotencyKey: idempotency })
      await refresh()
      open.value = false
      toast(t('ui.saved'), { tone: 'good' })
      return saved
    } catch (problem) {
      // The page then shows both versions; there is nothing to say beside that.
      if (isProblem(problem, 'version_conflict')) conflict.value = ((problem.detail as { current?: R } | null)?.current ?? null) as R | null
      if (!conflict.value) error.value = problem
      return null
    } finally {
      busy.value = false
    }
  }
  /** Goes on with what is in the form, on top of the newer version. */
  function keepMine(): void {
    if (conflict.value) current.value = conflict.value
    error.value = conflict.value = null
  }
  function takeTheirs(): void {
    if (conflict.value) edit(conflict.value)
  }
  async function remove(row: R, name: string): Promise<boolean> {
    try {
      await api.delete(`${path}/${row.id}`)
      open.value = false
      await refresh()
      toast(t('crud.deleted', { name }))
      return true
    } catch (problem) {
      toastProblem(problem)
      return false
    }
  }
  return { list, open, current, form, error, conflict, busy, start, edit, save, remove, keepMine, takeTheirs, refresh, fieldError, general }
}
