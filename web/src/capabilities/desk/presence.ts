import { shallowReactive } from 'vue'
import type { Live, PresencePerson } from '@/live'
import { viewer } from '@/session'

/** Who is looking at or writing in which case, as far as this browser was told. A name fades if nothing renews it. */
const FADE_MS = 60_000
const known = shallowReactive(new Map<string, PresencePerson[]>())
const timers = new Map<string, ReturnType<typeof setTimeout>>()
const watched = new WeakSet<Live>()

export function watchPresence(line: Live): void {
  if (watched.has(line)) return
  watched.add(line)
  line.listen({
    presence: (caseId, people) => {
      const others = people.filter((person) => person.id !== viewer.value?.person.id)
      clearTimeout(timers.get(caseId))
      if (others.length === 0) {
        known.delete(caseId)
        return
      }
      known.set(caseId, others)
      timers.set(caseId, setTimeout(() => known.delete(caseId), FADE_MS))
    },
    resync: () => known.clear(),
  })
}

export function presenceOf(caseId: string): PresencePerson[] {
  return known.get(caseId) ?? []
}
