import { QueryClient, useQuery } from '@tanstack/vue-query'
import { api } from './api/client'
import type { CaseType, Directory, Page, Role } from './api/types'
import { isProblem } from './api/problem'

/** The cache of what was fetched. Live events mark parts of it old; nothing polls. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      // The client itself repeats what may be repeated.
      retry: false,
    },
    mutations: { retry: false },
  },
})

/** Lists come as `{items,next}` or, where short, as a bare array. */
export function itemsOf<T>(answer: Page<T> | T[]): T[] {
  return Array.isArray(answer) ? answer : answer.items
}

/** The whole of a list that is never long: teams, roles, calendars. */
export async function allOf<T>(path: string, query: Record<string, string> = {}): Promise<T[]> {
  const found: T[] = []
  let after: string | null = null
  for (let page = 0; page < 40; page += 1) {
    const answer: Page<T> | T[] = await api.get(path, { limit: 200, ...query, after })
    found.push(...itemsOf(answer))
    after = Array.isArray(answer) ? null : answer.next
    if (after === null || after === undefined) break
  }
  return found
}

const LONG = 5 * 60_000

export const useDirectory = () => useQuery({ queryKey: ['directory'], queryFn: () => api.get<Directory>('/directory'), staleTime: LONG })
export const useCaseTypes = () =>
  useQuery({ queryKey: ['case-types'], queryFn: async () => itemsOf(await api.get<CaseType[] | Page<CaseType>>('/case-types')), staleTime: LONG })
export const useRoles = () => useQuery({ queryKey: ['roles'], queryFn: () => allOf<Role>('/roles') })

/** 403 and 404 of a query, for pages that explain them. */
export const isForbidden = (error: unknown) => isProblem(error) && error.status === 403
export const isMissing = (error: unknown) => isProblem(error) && error.status === 404
