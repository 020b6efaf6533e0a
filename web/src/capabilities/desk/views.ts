import { useQuery } from '@tanstack/vue-query'
import { computed, inject, provide, ref, watch, type ComputedRef, type InjectionKey } from 'vue'
import { api } from '@/api/client'
import type { Page, View } from '@/api/types'
import { t } from '@/i18n'
import { itemsOf, queryClient } from '@/queries'
import { live } from '@/session'
import type { IconName } from '@/ui/icons'

const BUILT_IN: Record<string, IconName> = {
  mine: 'inbox',
  mine_waiting: 'pause',
  team_unassigned: 'plus',
  team_open: 'people',
  all_open: 'globe',
  breaching: 'fire',
  mentioned: 'at',
  accountable: 'handshake',
  snoozed: 'snooze',
  resolved: 'check',
  closed: 'checkCircle',
  quarantine: 'quarantine',
}

export function viewName(view: View): string {
  return view.key && view.key in BUILT_IN ? t(`desk.view.${view.key}`) : view.name
}
export function viewIcon(view: View): IconName {
  return (view.key && BUILT_IN[view.key]) || 'filter'
}

interface Views {
  views: ComputedRef<View[]>
  refreshCounts: () => void
}
const VIEWS: InjectionKey<Views> = Symbol('views')

/** Not oftener than this, however much happens. */
const COUNTS_MS = 1500

/** The views with their live counts, once for the whole shell. */
export function provideViews(): void {
  const list = useQuery({ queryKey: ['views'], queryFn: async () => itemsOf(await api.get<View[] | Page<View>>('/views')) })
  const counts = ref<Record<string, { count: number; capped: boolean }>>({})
  let timer: ReturnType<typeof setTimeout> | undefined

  const fetchCounts = async () => {
    timer = undefined
    try {
      counts.value = (await api.get<{ counts: Record<string, { count: number; capped: boolean }> }>('/views/counts')).counts
    } catch {
      // The next event asks again.
    }
  }
  const refreshCounts = () => {
    timer ??= setTimeout(() => void fetchCounts(), COUNTS_MS)
  }
  void fetchCounts()
  watch(
    live,
    (line, _before, clean) => {
      if (!line) return
      clean(
        line.listen({
          event: (event) => {
            if (event.kind.startsWith('view.')) void queryClient.invalidateQueries({ queryKey: ['views'] })
            if (event.case_id || event.kind.startsWith('case.') || event.kind.startsWith('message.')) refreshCounts()
          },
          resync: () => {
            void queryClient.invalidateQueries({ queryKey: ['views'] })
            refreshCounts()
          },
        }),
      )
    },
    { immediate: true },
  )
  const views = computed(() => (list.data.value ?? []).map((view) => ({ ...view, count: view.count ?? 0, capped: view.capped ?? false, ...(counts.value[view.key ?? ''] ?? counts.value[view.id]) })))
  provide(VIEWS, { views, refreshCounts })
}

export function useViews(): Views {
  return inject(VIEWS) ?? { views: computed(() => []), refreshCounts: () => {} }
}
