/** Finding by what people type: words, first letters, full pinyin, initials of pinyin, small slips (UX-01). */

export interface Searchable {
  text: string
  /** Full pinyin with spaces between syllables, e.g. "zhuan yi dao"; from the server or worked out lazily. */
  pinyin?: string
  /** Other words that should find it. */
  also?: string
}

let toPinyin: ((text: string) => string) | undefined

/** Loads the pinyin table (only when somebody searches Chinese text). */
export async function loadPinyin(): Promise<void> {
  if (toPinyin) return
  const { pinyin } = await import('pinyin-pro')
  toPinyin = (text) => pinyin(text, { toneType: 'none', nonZh: 'consecutive' })
}

const cache = new Map<string, string>()

function pinyinOf(item: Searchable): string {
  if (item.pinyin) return item.pinyin.toLowerCase()
  if (!toPinyin || !/[\u3400-\u9fff]/.test(item.text)) return ''
  let found = cache.get(item.text)
  if (found === undefined) {
    found = toPinyin(item.text).toLowerCase()
    cache.set(item.text, found)
  }
  return found
}

/** Higher is better, 0 is no match. */
export function score(query: string, item: Searchable): number {
  const q = query.trim().toLowerCase()
  if (q === '') return 1
  const text = item.text.toLowerCase()
  if (text === q) return 100
  if (text.startsWith(q)) return 90
  const at = text.indexOf(q)
  if (at >= 0) return /[\s\-_/（(]/.test(text[at - 1] ?? '') ? 80 : 70
  const words = text.split(/[\s\-_/,.]+/).filter(Boolean)
  const firsts = words.map((word) => word[0]).join('')
  if (q.length > 1 && firsts.includes(q)) return 62
  const py = pinyinOf(item)
  if (py && /^[a-z0-9' ]+$/.test(q)) {
    const syllables = py.split(/\s+/).filter(Boolean)
    const plain = q.replace(/[' ]/g, '')
    const initials = syllables.map((s) => s[0]).join('')
    if (initials.startsWith(plain)) return 68
    const joined = syllables.join('')
    if (joined.startsWith(plain)) return 66
    if (initials.includes(plain)) return 58
    if (plain.length > 1 && joined.includes(plain)) return 54
  }
  const also = item.also?.toLowerCase() ?? ''
  if (also && also.includes(q)) return 50
  if (q.length >= 3 && inOrder(q, text)) return 24
  if (q.length >= 4 && words.some((word) => near(q, word))) return 20
  return 0
}

/** The letters of q appear in this order, close together. */
function inOrder(q: string, text: string): boolean {
  let from = 0
  let first = -1
  for (const letter of q) {
    const at = text.indexOf(letter, from)
    if (at < 0) return false
    if (first < 0) first = at
    from = at + 1
  }
  return from - first <= q.length * 2.5
}

/** One letter wrong, missing, added or swapped. */
function near(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i += 1
  const restA = a.slice(i)
  const restB = b.slice(i)
  return (
    restA.slice(1) === restB.slice(1) ||
    restA.slice(1) === restB ||
    restA === restB.slice(1) ||
    (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2))
  )
}

export function rank<T>(query: string, items: readonly T[], of: (item: T) => Searchable, limit = 50): T[] {
  if (query.trim() === '') return items.slice(0, limit)
  return items
    .map((item, order) => ({ item, order, points: score(query, of(item)) }))
    .filter((entry) => entry.points > 0)
    .sort((a, b) => b.points - a.points || a.order - b.order)
    .slice(0, limit)
    .map((entry) => entry.item)
}
