import { computed, ref, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import type { Notice, Page } from '@/api/types'
import { i18n, t } from '@/i18n'
import type { Live } from '@/live'
import { itemsOf } from '@/queries'
import { preferences } from '@/session'

/** What happened that concerns this person; the server decides, own actions never notify. */
const list = ref<Notice[]>([])
const loaded = ref(false)
let timer: ReturnType<typeof setTimeout> | undefined

async function load(): Promise<void> {
  try {
    const before = new Set(list.value.map((notice) => notice.id))
    const next = itemsOf(await api.get<Notice[] | Page<Notice>>('/notices', { limit: 50 }))
    if (loaded.value) for (const notice of next) if (!before.has(notice.id) && !notice.read_at) announce(notice)
    list.value = next
    loaded.value = true
  } catch {
    // Asked again with the next event.
  }
}

/** What a notice says, in the reader's language. */
export function noticeTitle(notice: Notice): string {
  const data = notice.data ?? {}
  return t(`desk.notice.${notice.kind}`, {
    number: notice.number ?? '',
    step: data.step ?? '',
    of: data.of ?? '',
    n: data.count ?? '',
    limit: data.limit ?? '',
    grade: data.grade ? t(`desk.warning_grade.${data.grade}`) : '',
  }).trim()
}

/** What it is about: words for the reader, else the title of the case. */
export function noticeDetail(notice: Notice): string {
  const own = notice.data?.title?.[i18n.global.locale.value === 'zh-CN' ? 'zh' : 'en']
  const words = ['rule', 'reminded', 'child_closed', 'review_returned'].includes(notice.kind) ? notice.text : null
  return words || (own && notice.title && own !== notice.title ? `${notice.title} · ${own}` : own) || notice.title || notice.text || ''
}

/** One tab speaks for all of them (UX-40). */
function announce(notice: Notice): void {
  if (!preferences.value.desktop_notices || typeof Notification === 'undefined' || Notification.permission !== 'granted') return
  const show = () => {
    // The tag makes the browser replace, not repeat, a notice that another tab has shown.
    const shown = new Notification(noticeTitle(notice), { body: noticeDetail(notice), tag: notice.id })
    shown.onclick = () => window.focus()
  }
  if (navigator.locks) void navigator.locks.request(`shouwen.notice.${notice.id}`, { ifAvailable: true }, async (lock) => lock && show())
  else show()
}

export const notices = {
  list: computed(() => list.value),
  unread: computed(() => list.value.filter((notice) => !notice.read_at).length),
  loaded: computed(() => loaded.value),
  load,
  start(line: Ref<Live | null>): void {
    void load()
    // Everything is told live, what concerns no case (a warning, a bulletin) as `notice`; this is for a line that was down.
    setInterval(() => document.visibilityState === 'visible' && void load(), 300_000)
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = undefined
        void load()
      }, 800)
    }
    watch(
      line,
      (now, _before, clean) => {
        if (now) clean(now.listen({ event: (event) => /notice|mention|assign|account|clock|breach|warn|message|delivery|wish|remind|hand_over|child|review|crisis|bulletin|care/.test(event.kind) && soon(), resync: () => void load() }))
      },
      { immediate: true },
    )
  },
  async markRead(ids: string[] | 'all'): Promise<void> {
    const at = new Date().toISOString()
    list.value = list.value.map((notice) => (ids === 'all' || ids.includes(notice.id) ? { ...notice, read_at: notice.read_at ?? at } : notice))
    await api.post('/notices/read', ids === 'all' ? { all: true } : { ids })
  },
}
