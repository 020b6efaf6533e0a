import { computed, reactive, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import { isProblem } from '@/api/problem'
import type { CaseRow, Page } from '@/api/types'
import { live } from '@/session'

export interface ListSource {
  view?: string
  /** A condition as JSON. */
  filter?: string
  sort?: string
}

const PAGE = 50
/** Rows already on the screen are fetched again up to this many after a live event. */
const REFRESH_MAX = 200
const SETTLE_MS = 350

interface Kept {
  rows: CaseRow[]
  next: string | null
  scroll: number
}

/** What other parts of the desk may do with whatever list is on the screen. */
export const lists = reactive({
  rows: [] as CaseRow[],
  hiddenIds: new Set<string>(),
  row(id: string): CaseRow | undefined {
    return this.rows.find((row) => row.case_id === id)
  },
  patch(id: string, change: Partial<CaseRow>): void {
    const row = this.row(id)
    if (row) Object.assign(row, change)
  },
  /** Takes a row out of sight at once; the returned function brings it back. */
  hide(id: string): () => void {
    this.hiddenIds.add(id)
    return () => this.hiddenIds.delete(id)
  },
})

const cache = new Map<string, Kept>()

/**
 * The rows of one view. New work never moves the row under the cursor: while the list is in use, what exists is updated in place,
 * what left is dimmed, and what is new waits behind a pill (UX-22, UX-23, UX-45).
 */
export function useCaseList(source: Ref<ListSource>, busy: Ref<boolean>, current: Ref<string | null>) {
  const next = ref<string | null>(null)
  const state = ref<'loading' | 'ready' | 'failed'>('loading')
  const error = shallowRef<unknown>(null)
  const waiting = shallowRef<CaseRow[]>([])
  const gone = reactive(new Set<string>())
  const scroll = ref(0)
  const more = ref(false)
  let asked = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const key = computed(() => JSON.stringify(source.value))
  const fetchPage = (after: string | null, limit: number) => api.get<Page<CaseRow>>('/desk/cases', { ...source.value, after, limit })

  async function load(): Promise<void> {
    asked += 1
    const mine = asked
    const kept = cache.get(key.value)
    gone.clear()
    waiting.value = []
    lists.hiddenIds.clear()
    if (kept) {
      lists.rows = kept.rows
      next.value = kept.next
      scroll.value = kept.scroll
      state.value = 'ready'
    } else {
      lists.rows = []
      scroll.value = 0
      state.value = 'loading'
    }
    try {
      const page = await fetchPage(null, kept ? Math.min(REFRESH_MAX, Math.max(PAGE, kept.rows.length)) : PAGE)
      if (mine !== asked) return
      lists.rows = page.items
      next.value = page.next
      state.value = 'ready'
      error.value = null
      keepNow()
    } catch (problem) {
      if (mine !== asked) return
      error.value = problem
      if (!kept || (isProblem(problem) && !problem.offline)) state.value = 'failed'
    }
  }

  async function loadMore(): Promise<void> {
    if (!next.value || more.value || state.value !== 'ready') return
    more.value = true
    const mine = asked
    try {
      const page = await fetchPage(next.value, PAGE)
      if (mine !== asked) return
      const have = new Set(lists.rows.map((row) => row.case_id))
      lists.rows.push(...page.items.filter((row) => !have.has(row.case_id)))
      next.value = page.next
      keepNow()
    } catch (problem) {
      error.value = problem
    } finally {
      more.value = false
    }
  }

  function keepNow(): void {
    cache.set(key.value, { rows: lists.rows, next: next.value, scroll: scroll.value })
    if (cache.size > 12) cache.delete(cache.keys().next().value ?? '')
  }

  /** Fetches what is on the screen again and lets it in without moving anything under a hand. */
  async function settle(): Promise<void> {
    const mine = asked
    const size = Math.min(REFRESH_MAX, Math.max(PAGE, lists.rows.length))
    let page: Page<CaseRow>
    try {
      page = await fetchPage(null, size)
    } catch {
      return
    }
    if (mine !== asked) return
    lists.hiddenIds.clear()
    if (!busy.value) {
      const tail = lists.rows.length > size ? lists.rows.slice(size) : []
      const fresh = new Set(page.items.map((row) => row.case_id))
      const place = current.value !== null && !fresh.has(current.value) ? lists.rows.findIndex((row) => row.case_id === current.value) : -1
      const kept = lists.rows[place]
      lists.rows = [...page.items, ...tail.filter((row) => !fresh.has(row.case_id))]
      gone.clear()
      if (kept) {
        // The case being read stays where it is until the reader leaves it.
        lists.rows.splice(place, 0, kept)
        gone.add(kept.case_id)
      }
      if (tail.length === 0) next.value = page.next
      waiting.value = []
      keepNow()
      return
    }
    const byId = new Map(page.items.map((row) => [row.case_id, row]))
    for (const row of lists.rows.slice(0, size)) {
      const now = byId.get(row.case_id)
      if (now) {
        Object.assign(row, now)
        gone.delete(row.case_id)
        byId.delete(row.case_id)
      } else gone.add(row.case_id)
    }
    waiting.value = [...byId.values()]
  }

  function showWaiting(): void {
    waiting.value = []
    scroll.value = 0
    void load()
  }

  function soon(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      void settle()
    }, SETTLE_MS)
  }

  watch(key, () => void load(), { immediate: true })
  // When the hand leaves, what waited comes in.
  watch(busy, (now) => !now && (waiting.value.length > 0 || gone.size > 0) && soon())
  watch(
    live,
    (line, _before, clean) => {
      if (!line) return
      clean(
        line.listen({
          event: (event) => event.case_id && soon(),
          resync: () => void load(),
          revoke: (id) => {
            lists.rows = lists.rows.filter((row) => row.case_id !== id)
            cache.clear()
          },
        }),
      )
    },
    { immediate: true },
  )

  return {
    rows: computed(() => lists.rows.filter((row) => !lists.hiddenIds.has(row.case_id))),
    state,
    error,
    waiting: computed(() => waiting.value.length),
    gone,
    scroll,
    hasMore: computed(() => next.value !== null),
    load,
    loadMore,
    showWaiting,
    keepScroll: (top: number) => {
      scroll.value = top
      const kept = cache.get(key.value)
      if (kept) kept.scroll = top
    },
  }
}
