import { useQuery } from '@tanstack/vue-query'
import { computed, ref, type Ref } from 'vue'
import { api } from '@/api/client'
import { t } from '@/i18n'
import { queryClient } from '@/queries'
import { useDeed } from '../settings/useDeed'
import type { Listed } from './complaints'

/** A list that is saved whole: one entry is edited in a drawer, and the list goes back with the version that was seen. */
export function useList<T extends { key: string }>(path: string, blank: () => T) {
  const found = useQuery({ queryKey: [path], queryFn: () => api.get<Listed<T>>(path) })
  const items = computed(() => found.data.value?.items ?? [])
  const open = ref(false)
  const at = ref(-1)
  const draft = ref(blank()) as Ref<T>
  const deed = useDeed()
  function edit(index: number): void {
    at.value = index
    draft.value = index < 0 ? blank() : (JSON.parse(JSON.stringify(items.value[index])) as T)
    deed.problem.value = null
    open.value = true
  }
  async function save(next: T[]): Promise<boolean> {
    const answer = await deed.run(() => api.put<Listed<T>>(path, { items: next, seen: found.data.value?.version ?? '' }), { done: t('ui.saved') })
    if (!answer) return false
    queryClient.setQueryData([path], answer)
    open.value = false
    return true
  }
  const keep = (entry: T) => save(at.value < 0 ? [...items.value, entry] : items.value.map((old, i) => (i === at.value ? entry : old)))
  const remove = () => save(items.value.filter((_, i) => i !== at.value))
  /** The server names entries by their number; the drawer shows one. */
  const fault = (field: string) => deed.at(`items[${at.value < 0 ? items.value.length : at.value}].${field}`)
  return { found, items, open, at, draft, deed, edit, keep, remove, fault }
}

/** One a line or separated by commas. */
export const lines = (text: string): string[] => [...new Set(text.split(/[\n,，、;；]/).map((part) => part.trim()).filter(Boolean))]
/** A key out of a title, when none was given. */
export const keyOf = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+|-+$/g, '').slice(0, 50)
