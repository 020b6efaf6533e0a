import { onScopeDispose, reactive, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import type { CaseRow, LocalName, LoopStep, Status } from '@/api/types'
import { live } from '@/session'

/** A row of the board: a case with since when it stands where it stands, and whom it waits for. */
export interface Card extends CaseRow {
  stage_since?: string | null
  waiting_for?: 'department' | 'review' | 'customer' | null
  reminders?: number
}
export interface Column {
  stage: string
  title: LocalName
  status: Status
  loop: LoopStep
  count: number
  capped: boolean
  items: Card[]
  next: string | null
  /** Cases still stand in it, but the type no longer has it. */
  gone?: boolean
}
interface Answer {
  type: { key: string; title: LocalName } | null
  types: { key: string; title: LocalName; open: number; capped: boolean }[]
  columns: Column[]
}
export interface BoardSource {
  type?: string
  scope?: string
  filter?: string
  sort?: string
}

const PAGE = 20
const MOST = 50
const SETTLE_MS = 450

/** What was fetched anew over what is known: columns keep what was paged in below, no card stands in two columns. */
export function mergeColumns(known: Column[], fresh: Column[]): Column[] {
  const first = new Set(fresh.flatMap((column) => column.items.map((card) => card.case_id)))
  return fresh.map((column) => {
    const before = known.find((one) => one.stage === column.stage)
    if (!before || before.items.length <= column.items.length || column.next === null) return column
    const rest = before.items.slice(column.items.length).filter((card) => !first.has(card.case_id) && card.stage === column.stage)
    return { ...column, items: [...column.items, ...rest], next: before.next }
  })
}

/** A card goes to another column at once; the answer of the server or a live event puts it where it belongs. */
export function moveCard(columns: Column[], id: string, to: string): Column[] {
  const card = columns.flatMap((column) => column.items).find((one) => one.case_id === id)
  const target = columns.find((column) => column.stage === to)
  if (!card || !target || card.stage === to) return columns
  const moved: Card = { ...card, stage: to, status: target.status, stage_since: new Date().toISOString() }
  return columns.map((column) => {
    if (column.stage === to) return { ...column, count: column.count + 1, items: [moved, ...column.items] }
    if (!column.items.some((one) => one.case_id === id)) return column
    return { ...column, count: Math.max(0, column.count - 1), items: column.items.filter((one) => one.case_id !== id) }
  })
}

/** The cases of one type in the order of its stages, kept right by live events; nothing moves while `busy`. */
export function useBoard(source: Ref<BoardSource>, on: Ref<boolean>, busy: Ref<boolean>) {
  const columns = shallowRef<Column[]>([])
  const types = shallowRef<Answer['types']>([])
  const type = ref<string | null>(null)
  const state = ref<'loading' | 'ready' | 'failed'>('loading')
  const error = shallowRef<unknown>(null)
  const loadingMore = reactive(new Set<string>())
  let asked = 0
  let late = false
  let timer: ReturnType<typeof setTimeout> | undefined

  async function load(again = false): Promise<void> {
    asked += 1
    const mine = asked
    if (!again) state.value = 'loading'
    try {
      const most = again ? Math.min(MOST, Math.max(PAGE, ...columns.value.map((column) => column.items.length))) : PAGE
      const answer = await api.get<Answer>('/cases/board', { ...source.value, limit: most })
      if (mine !== asked) return
      columns.value = again ? mergeColumns(columns.value, answer.columns) : answer.columns
      types.value = answer.types
      type.value = answer.type?.key ?? null
      error.value = null
      state.value = 'ready'
    } catch (problem) {
      if (mine !== asked) return
      error.value = problem
      if (!again) state.value = 'failed'
    }
  }
  async function more(stage: string): Promise<void> {
    const column = columns.value.find((one) => one.stage === stage)
    if (!column?.next || loadingMore.has(stage)) return
    loadingMore.add(stage)
    const mine = asked
    try {
      const answer = await api.get<Answer>('/cases/board', { ...source.value, type: type.value, stage, after: column.next, limit: PAGE })
      const page = answer.columns.find((one) => one.stage === stage)
      if (mine !== asked || !page) return
      columns.value = columns.value.map((one) => {
        if (one.stage !== stage) return one
        const have = new Set(one.items.map((card) => card.case_id))
        return { ...one, items: [...one.items, ...page.items.filter((card) => !have.has(card.case_id))], next: page.next }
      })
    } catch (problem) {
      error.value = problem
    } finally {
      loadingMore.delete(stage)
    }
  }
  function soon(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      if (busy.value) late = true
      else if (on.value) void load(true)
    }, SETTLE_MS)
  }
  watch(busy, (now) => {
    if (now || !late) return
    late = false
    soon()
  })
  watch([() => JSON.stringify(source.value), on] as const, ([, now]) => now && void load(), { immediate: true })
  watch(
    live,
    (line, _before, clean) => {
      if (line) clean(line.listen({ event: (event) => event.case_id && soon(), resync: soon, revoke: soon }))
    },
    { immediate: true },
  )
  onScopeDispose(() => clearTimeout(timer))
  return { columns, types, type, state, error, loadingMore, load, more, soon }
}
