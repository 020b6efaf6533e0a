import { computed, ref } from 'vue'
import { Problem } from '@/api/problem'
import { queryClient } from '@/queries'
import { problemText, toast, toastProblem } from '@/ui/primitives'

/** Whether a problem is about this field of a form, or about a part of it (`skills` of `skills[0].level`). */
export function isAbout(problem: unknown, field: string): problem is Problem {
  if (!(problem instanceof Problem) || !problem.field) return false
  return problem.field === field || problem.field.startsWith(`${field}.`) || problem.field.startsWith(`${field}[`)
}

/** A refusal, told where it belongs: at the field it is about if the form shows that field, else above the form. */
export function useRefusal() {
  const problem = ref<unknown>(null)
  /** The fields this form shows; known once it has been drawn. */
  const shown = new Set<string>()
  const at = (field: string) => {
    shown.add(field)
    return isAbout(problem.value, field) ? problemText(problem.value) : undefined
  }
  const general = computed(() => (problem.value && ![...shown].some((field) => isAbout(problem.value, field)) ? problemText(problem.value) : ''))
  return { problem, at, general }
}

interface Ending {
  /** Said when it has gone well. */
  done?: string
  /** Names of what is fetched anew. */
  refresh?: string[]
  /** The refusal becomes a toast; without this the page says it by `general` and `at`. */
  toast?: boolean
}

/** What a button does: busy while it runs, then either done or refused with words. */
export function useDeed() {
  const busy = ref(false)
  const { problem, at, general } = useRefusal()
  /** @returns what the server answered, or undefined when it refused. */
  async function run<T>(work: () => Promise<T>, ending: Ending = {}): Promise<T | undefined> {
    busy.value = true
    problem.value = null
    try {
      const answer = await work()
      if (ending.done) toast(ending.done, { tone: 'good' })
      await Promise.all((ending.refresh ?? []).map((name) => queryClient.invalidateQueries({ queryKey: [name] })))
      return answer
    } catch (refused) {
      if (ending.toast) toastProblem(refused)
      else problem.value = refused
      return undefined
    } finally {
      busy.value = false
    }
  }
  return { busy, problem, at, general, run }
}
