import { useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { api } from '@/api/client'
import type { Case } from '@/api/types'
import { itemsOf } from '@/queries'
import type { Move } from './reasons'

/** Where a case may go, asked anew whenever it has changed. */
export function useMoves(found: Ref<Pick<Case, 'id' | 'version'> | undefined>, on: Ref<boolean>) {
  return useQuery({
    queryKey: computed(() => ['moves', found.value?.id, found.value?.version]),
    queryFn: async () => itemsOf(await api.get<Move[]>(`/cases/${found.value?.id}/moves`)),
    enabled: computed(() => on.value && found.value !== undefined),
    staleTime: 5_000,
  })
}
