import { useQuery } from '@tanstack/vue-query'
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import type { Case, Clock, Message, Page, TimelineItem } from '@/api/types'
import type { PresencePerson } from '@/live'
import { itemsOf, queryClient } from '@/queries'
import { live, viewer } from '@/session'

const PAGE = 60
const SETTLE_MS = 150

const keyOf = (item: TimelineItem) => (item.kind === 'message' ? item.id : `e${item.position}`)

/** Puts a freshly fetched newest page over what is known; a gap between them drops the old part instead of hiding it. */
export function mergeTimeline(known: TimelineItem[], page: TimelineItem[]): { items: TimelineItem[]; gap: boolean } {
  if (known.length === 0 || page.length === 0) return { items: page.length > 0 ? page : known, gap: false }
  const fresh = new Map(page.map((item) => [keyOf(item), item]))
  const first = known.findIndex((item) => fresh.has(keyOf(item)))
  if (first < 0) return { items: page, gap: true }
  return { items: [...known.slice(0, first), ...page], gap: false }
}

type Known = { items: TimelineItem[]; older: string | null }

/** What is asked for a case and under which name it is kept; an open tab holds on to it without asking. */
export const caseOptions = (id: string) => ({ queryKey: ['case', id], queryFn: () => api.get<Case>(`/cases/${id}`), staleTime: 10_000 })
export const timelineOptions = (id: string) => ({
  queryKey: ['timeline', id],
  queryFn: async (): Promise<Known> => {
    const page = await api.get<Page<TimelineItem>>(`/cases/${id}/timeline`, { limit: PAGE })
    const known = queryClient.getQueryData<Known>(['timeline', id])
    // A page that is all there is needs nothing of what was known: merging and splitting take messages away.
    if (!known || page.next === null) return { items: page.items, older: page.next }
    const merged = mergeTimeline(known.items, page.items)
    return { items: merged.items, older: merged.gap || known.items.length <= page.items.length ? page.next : known.older }
  },
  staleTime: 10_000,
})

/** One open case: itself, its timeline, its clocks, who else is here; kept right by live events. */
export function useCase(id: Ref<string>) {
  const found = useQuery(computed(() => caseOptions(id.value)))
  const clocks = useQuery({
    queryKey: computed(() => ['clocks', id.value]),
    queryFn: async () => itemsOf(await api.get<Clock[] | Page<Clock>>(`/cases/${id.value}/clocks`)),
  })
  const older = ref<string | null>(null)
  const loadingOlder = ref(false)
  const people = shallowRef<PresencePerson[]>([])

  const timeline = useQuery(computed(() => timelineOptions(id.value)))
  watch(timeline.data, (data) => (older.value = data?.older ?? null), { immediate: true })

  async function loadOlder(): Promise<void> {
    const after = older.value
    const key = id.value
    if (!after || loadingOlder.value) return
    loadingOlder.value = true
    try {
      const page = await api.get<Page<TimelineItem>>(`/cases/${key}/timeline`, { limit: PAGE, after })
      queryClient.setQueryData<Known>(['timeline', key], (known) => {
        const have = new Set((known?.items ?? []).map(keyOf))
        return { items: [...page.items.filter((item) => !have.has(keyOf(item))), ...(known?.items ?? [])], older: page.next }
      })
    } finally {
      loadingOlder.value = false
    }
  }

  let timer: ReturnType<typeof setTimeout> | undefined
  function refresh(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      for (const part of ['case', 'timeline', 'clocks']) void queryClient.invalidateQueries({ queryKey: [part, id.value] })
    }, SETTLE_MS)
  }

  watch(
    [id, live] as const,
    ([now, line], _before, clean) => {
      people.value = []
      if (!line) return
      line.showPresence(now, 'viewing')
      const stop = line.listen({
        event: (event) => {
          if (event.case_id !== now) return
          // What was moved may lie anywhere in a long timeline: begin it anew.
          if (/merged|split/.test(event.kind)) void queryClient.resetQueries({ queryKey: ['timeline', now] })
          refresh()
        },
        resync: refresh,
        presence: (caseId, list) => caseId === now && (people.value = list.filter((person) => person.id !== viewer.value?.person.id)),
        revoke: (caseId) => caseId === now && queryClient.removeQueries({ queryKey: ['case', now] }),
      })
      clean(() => {
        stop()
        line.showPresence(now, 'left')
      })
    },
    { immediate: true },
  )
  onScopeDispose(() => clearTimeout(timer))

  const messages = computed(() => (timeline.data.value?.items ?? []).filter((item): item is Message => item.kind === 'message'))
  return {
    case: found.data,
    error: found.error,
    items: computed(() => timeline.data.value?.items ?? []),
    timelineError: timeline.error,
    loading: timeline.isPending,
    messages,
    lastMessage: computed(() => messages.value.filter((message) => message.state !== 'cancelled').at(-1) ?? null),
    clocks: computed(() => clocks.data.value ?? []),
    people,
    hasOlder: computed(() => older.value !== null),
    loadingOlder,
    loadOlder,
    refresh,
  }
}
