import { request } from '@/api/client'
import type { Case, CaseAnswer, CaseRow, Undo } from '@/api/types'
import { t } from '@/i18n'
import { queryClient } from '@/queries'
import { toast, toastProblem, undoWaitsFor } from '@/ui/primitives'
import { lists } from './caseList'

/** One act on a case: shown at once, sent, taken back with the reason if the server refuses, undoable for a while (UX-13, UX-14). */
export interface Command {
  caseId: string
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  body?: unknown
  /** What the toast says; left out: no toast. */
  done?: string
  /** What changes on the screen before the server has answered. */
  shows?: Partial<Case>
  /** The row leaves the list it is in. */
  leaves?: boolean
}

const rowFields = ['title', 'type', 'stage', 'status', 'priority', 'tags', 'team', 'assignee', 'accountable', 'snoozed_until', 'version'] as const

function rowPart(change: Partial<Case>): Partial<CaseRow> {
  return Object.fromEntries(rowFields.filter((name) => name in change).map((name) => [name, change[name]]))
}

/** Paths in undo may be written from the root or from the API. */
function inApi(path: string): string {
  return path.replace(/^\/api\/v1/, '')
}

export function takeCase(next: Case): void {
  queryClient.setQueryData<Case>(['case', next.id], next)
  lists.patch(next.id, rowPart(next))
}

export function run(command: Command): Promise<Case | null> {
  const deed = carryOut(command)
  undoWaitsFor(deed)
  return deed
}

async function carryOut(command: Command): Promise<Case | null> {
  const key = ['case', command.caseId]
  const before = queryClient.getQueryData<Case>(key)
  const rowBefore = lists.row(command.caseId)
  if (command.shows) {
    if (before) queryClient.setQueryData<Case>(key, { ...before, ...command.shows })
    lists.patch(command.caseId, rowPart(command.shows))
  }
  const hidden = command.leaves ? lists.hide(command.caseId) : undefined
  try {
    const answer = await request<CaseAnswer>(command.method, inApi(command.path), { body: command.body ?? {} })
    if (answer?.case) takeCase(answer.case)
    fetchAgain(command.caseId)
    if (command.done) {
      const undo = answer?.undo
      toast(command.done, undo ? { undo: () => undoCommand(command.caseId, undo, hidden) } : {})
    }
    return answer?.case ?? null
  } catch (problem) {
    if (before) queryClient.setQueryData<Case>(key, before)
    if (rowBefore) lists.patch(command.caseId, rowBefore)
    hidden?.()
    throw problem
  }
}

/** The same, for buttons: a refusal becomes a toast. */
export async function tryRun(command: Command): Promise<boolean> {
  try {
    await run(command)
    return true
  } catch (problem) {
    toastProblem(problem)
    return false
  }
}

async function undoCommand(caseId: string, undo: Undo, show?: () => void): Promise<void> {
  const answer = await request<CaseAnswer | undefined>(undo.method, inApi(undo.path), { body: undo.body ?? {} })
  if (answer?.case) takeCase(answer.case)
  show?.()
  fetchAgain(caseId)
  toast(t('ui.undone'))
}

function fetchAgain(caseId: string): void {
  void queryClient.invalidateQueries({ queryKey: ['timeline', caseId] })
  void queryClient.invalidateQueries({ queryKey: ['clocks', caseId] })
}
