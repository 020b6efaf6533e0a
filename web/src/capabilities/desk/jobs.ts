import { reactive } from 'vue'
import { api } from '@/api/client'
import type { Job } from '@/api/types'
import { t } from '@/i18n'
import { toast, toastProblem } from '@/ui/primitives'

/** Long work that runs on the server; the page only watches it, so a reload stops nothing. */
export const jobs = reactive<Job[]>([])
const POLL_MS = 400

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export function errorText(error: Job['failed'][number]['error']): string {
  return typeof error === 'string' ? error : (error.message ?? error.code ?? '')
}

/** Watches a job to its end; `undone` runs after a successful undo. */
export async function followJob(id: string, undone?: () => void): Promise<void> {
  try {
    let job = await api.get<Job>(`/jobs/${id}`)
    jobs.push(job)
    while (job.state === 'running') {
      await wait(POLL_MS)
      job = await api.get<Job>(`/jobs/${id}`)
      const at = jobs.findIndex((known) => known.id === id)
      if (at >= 0) jobs.splice(at, 1, job)
    }
    if (job.failed.length === 0) drop(id)
    const done = job.done - job.failed.length
    const undo = job.undoable
      ? async () => {
          const back = await api.post<{ job_id: string }>(`/jobs/${id}/undo`)
          drop(id)
          undone?.()
          await followJob(back.job_id)
        }
      : undefined
    toast(job.state === 'cancelled' ? t('desk.job_cancelled', { n: done }) : t('desk.job_done', { n: done }), undo ? { undo } : {})
  } catch (problem) {
    drop(id)
    toastProblem(problem)
  }
}

export async function cancelJob(id: string): Promise<void> {
  await api.post(`/jobs/${id}/cancellation`).catch(toastProblem)
}

export function drop(id: string): void {
  const at = jobs.findIndex((job) => job.id === id)
  if (at >= 0) jobs.splice(at, 1)
}
