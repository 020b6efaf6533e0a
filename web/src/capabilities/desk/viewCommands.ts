import { api } from '@/api/client'
import type { View } from '@/api/types'
import { t } from '@/i18n'
import { queryClient } from '@/queries'
import { router } from '@/router'
import { toast, toastProblem } from '@/ui/primitives'

/** Deletes a saved view; undo makes it again with the same filter. */
export async function removeView(view: View): Promise<void> {
  try {
    await api.delete(`/views/${view.id}`)
    await router.push('/desk/mine')
    await queryClient.invalidateQueries({ queryKey: ['views'] })
    toast(t('desk.view_removed', { name: view.name }), {
      undo: async () => {
        await api.post('/views', { name: view.name, filter: view.filter, ...(view.sort ? { sort: view.sort } : {}), ...(view.team_id ? { team_id: view.team_id } : {}) })
        await queryClient.invalidateQueries({ queryKey: ['views'] })
      },
    })
  } catch (problem) {
    toastProblem(problem)
  }
}
