import { reactive, watch } from 'vue'
import { viewer } from '@/session'

/** One case that stays at hand. */
export interface CaseTab {
  id: string
  /** Empty until the case was seen once. */
  number: string
  title: string
  /** The customer's name, or empty. */
  customer: string
  /** Stays in front and never leaves by itself. */
  pinned: boolean
  /** Came up while moving along the list: the next one takes its place. */
  passing: boolean
  /** Holds words that were written but not sent. */
  draft: boolean
  /** Something was said there since it was last looked at. */
  news: boolean
  /** When it was last in front; the longest unused one leaves first. */
  used: number
}

/** What outlives the window is only what names no customer; titles stay in this window and go with it. */
interface Store {
  get(key: string): string | null
  set(key: string, value: string): void
  remove(key: string): void
}

/** Unpinned tabs kept open; the longest unused one without a draft makes room for the next. */
export const MOST_TABS = 12
const CLOSED_KEPT = 10

/**
 * The open cases of one person in this window, in the order of the bar: pinned ones first (UX-25).
 * @param windowStore survives a reload of this window; holds titles
 * @param deviceStore is where a new window begins; holds ids and numbers only
 * @param later when to write; not while a case comes to the front
 */
export function caseTabs(windowStore: Store, deviceStore: Store, now: () => number = Date.now, later: (work: () => void) => void = (work) => void setTimeout(work, 100)) {
  const state = reactive({ list: [] as CaseTab[], closed: [] as string[] })
  let key = ''

  const find = (id: string | null) => state.list.find((tab) => tab.id === id)

  let due = false
  function keep(): void {
    if (due) return
    due = true
    later(write)
  }
  function write(): void {
    due = false
    if (!key) return
    windowStore.set(key, JSON.stringify(state.list.map(({ news: _, ...tab }) => tab)))
    deviceStore.set(key, JSON.stringify(state.list.filter((tab) => !tab.passing).map(({ id, number, pinned, draft, used }) => ({ id, number, pinned, draft, used }))))
  }

  /** Takes over what this person had open; null forgets it, in this window too. */
  function begin(person: string | null): void {
    const next = person === null ? '' : `shouwen.tabs.${person}`
    if (next === key) return
    if (due) write()
    if (key) windowStore.remove(key)
    key = next
    state.list = key ? read(windowStore.get(key) ?? deviceStore.get(key)) : []
    state.closed = []
  }

  /**
   * The case is in front now. A case that was only passed takes the place of the one passed before it, unless something was written there.
   * @param how `pass` while moving along the list, `stay` when it was opened on purpose
   */
  function show(id: string, how: 'pass' | 'stay'): void {
    const known = find(id)
    if (known) {
      known.used = now()
      known.news = false
      if (how === 'stay') known.passing = false
      return keep()
    }
    const tab: CaseTab = { id, number: '', title: '', customer: '', pinned: false, passing: how === 'pass', draft: false, news: false, used: now() }
    const passed = how === 'pass' ? state.list.findIndex((other) => other.passing) : -1
    if (passed >= 0) state.list.splice(passed, 1, tab)
    else state.list.push(tab)
    const loose = state.list.filter((other) => !other.pinned)
    if (loose.length > MOST_TABS) {
      const oldest = loose.filter((other) => !other.draft && other !== find(id)).sort((a, b) => a.used - b.used)[0]
      if (oldest) state.list = state.list.filter((other) => other !== oldest)
    }
    keep()
  }

  /** @returns the id of the tab that comes to the front if this one was there: its right neighbour, else its left. */
  function close(id: string): string | null {
    const at = state.list.findIndex((tab) => tab.id === id)
    if (at < 0) return null
    state.list.splice(at, 1)
    state.closed = [id, ...state.closed.filter((other) => other !== id)].slice(0, CLOSED_KEPT)
    keep()
    return (state.list[at] ?? state.list[at - 1])?.id ?? null
  }

  /** @returns the id of the tab closed last, taken off the pile. */
  function reopen(): string | null {
    const last = state.closed.find((id) => !find(id)) ?? null
    state.closed = state.closed.filter((id) => id !== last && !find(id))
    return last
  }

  function pin(id: string, on: boolean): void {
    const tab = find(id)
    if (!tab || tab.pinned === on) return
    tab.pinned = on
    tab.passing = false
    const rest = state.list.filter((other) => other !== tab)
    const edge = rest.filter((other) => other.pinned).length
    rest.splice(edge, 0, tab)
    state.list = rest
    keep()
  }

  function label(id: string, known: { number: string; title: string; customer: string }): void {
    const tab = find(id)
    if (!tab || (tab.number === known.number && tab.title === known.title && tab.customer === known.customer)) return
    Object.assign(tab, known)
    keep()
  }

  /** Whoever writes somewhere wants to find it again. */
  function setDraft(id: string, on: boolean): void {
    const tab = find(id)
    if (!tab || tab.draft === on) return
    tab.draft = on
    if (on) tab.passing = false
    keep()
  }

  function setNews(id: string): void {
    const tab = find(id)
    if (tab) tab.news = true
  }

  /** @returns the id `step` places further along the bar, round the end; from nowhere, the first or the last. */
  function neighbour(id: string | null, step: 1 | -1): string | null {
    const n = state.list.length
    if (n === 0) return null
    const at = state.list.findIndex((tab) => tab.id === id)
    const next = at < 0 ? (step > 0 ? 0 : n - 1) : (at + step + n) % n
    return state.list[next]?.id ?? null
  }

  /** Every other tab that may go without a question: not pinned, nothing written in it. */
  const othersToClose = (id: string | null) => state.list.filter((tab) => tab.id !== id && !tab.pinned && !tab.draft).map((tab) => tab.id)

  return { state, find, write, begin, show, close, reopen, pin, label, setDraft, setNews, neighbour, othersToClose }
}

function read(text: string | null): CaseTab[] {
  try {
    const list: unknown = JSON.parse(text ?? '[]')
    if (!Array.isArray(list)) return []
    return (list as Partial<CaseTab>[])
      .filter((tab) => typeof tab.id === 'string' && tab.id !== '')
      .map((tab) => ({
        id: tab.id as string,
        number: String(tab.number ?? ''),
        title: String(tab.title ?? ''),
        customer: String(tab.customer ?? ''),
        pinned: tab.pinned === true,
        passing: tab.passing === true,
        draft: tab.draft === true,
        news: false,
        used: Number(tab.used) || 0,
      }))
  } catch {
    return []
  }
}

/** Browser storage; a private window may refuse, and the tabs then last as long as the page. */
function stored(open: () => Storage): Store {
  const quietly = <T>(work: () => T): T | null => {
    try {
      return work()
    } catch {
      return null
    }
  }
  return {
    get: (key) => quietly(() => open().getItem(key)),
    set: (key, value) => void quietly(() => open().setItem(key, value)),
    remove: (key) => void quietly(() => open().removeItem(key)),
  }
}

export const tabs = caseTabs(
  stored(() => sessionStorage),
  stored(() => localStorage),
)
watch(() => viewer.value?.person.id ?? null, tabs.begin, { immediate: true, flush: 'sync' })
addEventListener('pagehide', () => tabs.write())
