/** "09:00-12:00, 13:30-18:00" as a person writes it; Chinese marks and a missing zero are fine. Overnight spans such as 22:00-06:00 too. */
export function parseHours(text: string): { spans: string[]; wrong: string | null } {
  const spans: string[] = []
  for (const part of text.split(/[,，、;；\n]+/)) {
    const trimmed = part.trim()
    if (trimmed === '') continue
    const found = /^(\d{1,2})[:：](\d{2})\s*[-–—~～至到]\s*(\d{1,2})[:：](\d{2})$/.exec(trimmed)
    if (!found) return { spans, wrong: trimmed }
    const [h1, m1, h2, m2] = found.slice(1).map(Number) as [number, number, number, number]
    if (h1 > 23 || m1 > 59 || m2 > 59 || h2 > 24 || (h2 === 24 && m2 > 0)) return { spans, wrong: trimmed }
    const two = (n: number) => String(n).padStart(2, '0')
    spans.push(`${two(h1)}:${two(m1)}-${two(h2)}:${two(m2)}`)
  }
  return { spans, wrong: null }
}

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
