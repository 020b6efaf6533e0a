import { useQuery } from '@tanstack/vue-query'
import { ref, type Ref } from 'vue'
import { api } from '@/api/client'
import { isProblem } from '@/api/problem'
import type { Page } from '@/api/types'
import { t } from '@/i18n'
import { itemsOf, queryClient } from '@/queries'
import { toast, toastProblem } from '@/ui/primitives'
import { useRefusal } from '../../settings/useDeed'

/** A short list whose entries are saved whole, under the version that was seen (PUT); the other half of `useCrud`. */
export function useVersioned<R extends { id: string; version: number }, F extends object>(path: string, blank: () => F, fill: (row: R) => F) {
  const list = useQuery({ queryKey: [path], queryFn: async () => itemsOf(await api.get<R[] | Page<R>>(path)) })
  const open = ref(false)
  const current = ref<R | null>(null) as Ref<R | null>
  const conflict = ref<R | null>(null) as Ref<R | null>
  const form = ref(blank()) as Ref<F>
  const busy = ref(false)
  const { problem, at, general } = useRefusal()

  function show(row: R | null): void {
    current.value = row
    conflict.value = null
    problem.value = null
    form.value = row ? fill(row) : blank()
    open.value = true
  }
  async function save(body: object): Promise<void> {
    busy.value = true
    problem.value = null
    try {
      if (current.value) await api.put(`${path}/${current.value.id}`, { ...body, version: current.value.version })
      else await api.post(path, body)
      await queryClient.invalidateQueries({ queryKey: [path] })
      toast(t('ui.saved'), { tone: 'good' })
      open.value = false
    } catch (refused) {
      if (isProblem(refused, 'version_conflict')) conflict.value = ((refused.detail as { current?: R } | null)?.current ?? null) as R | null
      if (!conflict.value) problem.value = refused
    } finally {
      busy.value = false
    }
  }
  async function remove(name: string): Promise<void> {
    if (!current.value) return
    try {
      await api.delete(`${path}/${current.value.id}`)
      await queryClient.invalidateQueries({ queryKey: [path] })
      open.value = false
      toast(t('crud.deleted', { name }))
    } catch (refused) {
      toastProblem(refused)
    }
  }
  /** Goes on with what is in the form, on top of the newer version. */
  function keepMine(): void {
    current.value = conflict.value
    conflict.value = null
  }
  const takeTheirs = () => conflict.value && show(conflict.value)
  return { list, open, current, conflict, form, busy, at, general, show, save, remove, keepMine, takeTheirs }
}
