import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api } from '@/api/client'
import { Problem } from '@/api/problem'
import type { LocalName } from '@/api/types'
import { has, i18n, t } from '@/i18n'
import { can } from '@/session'
import type { PackFile } from './zip'

/** Shapes of `/packs`, and words for them. */
export type Did = 'created' | 'updated' | 'unchanged' | 'kept' | 'removed' | 'moved'
export interface PackChange {
  section: string
  item: string
  title?: LocalName | null
  did: Did
  count: number
  note?: string
}
export interface Report {
  key: string
  version: string
  previous: string | null
  changes: PackChange[]
  unchanged: number
  moved: number
}
export interface PackFault {
  file: string
  line: number
  wrong: string
  expected: string
}
export interface Pack {
  key: string
  title: LocalName
  version: string | null
  requires: string[]
  shipped: string | null
  upgrade: boolean
  files: number
  installed_at: string | null
  installed_by: { kind: string; id?: string; name?: string } | null
  report: Report | null
}
export interface Checked {
  faults: PackFault[]
  report: Report | null
  refused: string | null
}
/** What is to be installed: a pack of the product, or files of one's own. */
export type Source = { shipped: string } | { files: PackFile[]; name: string }

export const titleOf = (title: LocalName) => (i18n.global.locale.value === 'zh-CN' ? title.zh || title.en : title.en || title.zh)
/** What a pack is called, for tags beside what it brought; without the right to see packs, those of the product have their names still. */
export function usePackNames() {
  const list = useQuery({ queryKey: ['/packs'], queryFn: async () => (await api.get<{ items: Pack[] }>('/packs')).items, enabled: computed(() => can('pack.manage')), staleTime: 60_000 })
  return (key: string): string => {
    const found = list.data.value?.find((pack) => pack.key === key)
    return (found && titleOf(found.title)) || (has(`packs.known.${key}`) ? t(`packs.known.${key}`) : key)
  }
}
export const sectionName = (section: string) => (has(`packs.section.${section.replaceAll('-', '_')}`) ? t(`packs.section.${section.replaceAll('-', '_')}`) : section)
export const bodyOf = (source: Source, replace: boolean) => ({ ...('shipped' in source ? { shipped: source.shipped } : { files: source.files }), replace })
export const faultsOf = (problem: unknown): PackFault[] => (problem instanceof Problem ? ((problem.detail as { faults?: PackFault[] } | null)?.faults ?? []) : [])
export const ORDER: Did[] = ['created', 'updated', 'moved', 'kept', 'removed']
/** `key = "…"` of a `pack.toml`, for the name of what was chosen. */
export const keyIn = (files: PackFile[]) => /^\s*key\s*=\s*["']([^"']+)["']/m.exec(files.find((file) => file.path === 'pack.toml')?.text ?? '')?.[1] ?? ''
