import type { LocalName } from '@/api/types'
import { name } from '../case_types/definition'

/** A calendar or a service level: older ones have one name for both languages. */
export interface Titled {
  name: string
  title?: LocalName | null
}
/** What it is called in the reader's language. */
export const called = (item: Titled): string => (item.title ? name(item.title) : item.name)
/** Both languages, for a form. */
export const bothOf = (item: Titled): LocalName => (item.title ? { ...item.title } : { zh: item.name, en: item.name })
/** What a form sends: one language alone stands for both. */
export const filled = (title: LocalName): LocalName => ({ zh: title.zh.trim() || title.en.trim(), en: title.en.trim() || title.zh.trim() })
export const isNamed = (title: LocalName): boolean => filled(title).zh !== ''
