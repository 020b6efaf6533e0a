import type { Role } from '@/api/types'
import { i18n } from '@/i18n'

/** A role's name: built-in ones have one in each language. */
export function roleName(role: Role): string {
  if (typeof role.name === 'string') return role.name
  return i18n.global.locale.value === 'zh-CN' ? role.name.zh : role.name.en
}
