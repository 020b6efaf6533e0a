import { viewer } from '@/session'

/**
 * What was typed and is not on the server yet, kept by this tab alone: a crash, a reload or a dead line takes none of it.
 * It goes as soon as the server has it, when the person logs out, and with the tab.
 */
const PREFIX = 'shouwen.unsaved.'
const keyOf = (caseId: string, mode: string) => `${PREFIX}${viewer.value?.person.id ?? ''}.${caseId}.${mode}`

export function keepUnsaved(caseId: string, mode: string, writing: unknown): void {
  try {
    if (writing === null) sessionStorage.removeItem(keyOf(caseId, mode))
    else sessionStorage.setItem(keyOf(caseId, mode), JSON.stringify(writing))
  } catch {
    // Full or refused: the server has it within a second anyway.
  }
}

export function takeUnsaved<T>(caseId: string, mode: string): T | null {
  try {
    const kept = sessionStorage.getItem(keyOf(caseId, mode))
    return kept === null ? null : (JSON.parse(kept) as T)
  } catch {
    return null
  }
}
