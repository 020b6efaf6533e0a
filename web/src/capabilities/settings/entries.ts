import type { Component } from 'vue'
import type { IconName } from '@/ui/icons'

/** A page of settings, brought by the capability it belongs to (its `settings.ts`). */
export interface SettingsEntry {
  path: string
  /** Key of its name. */
  title: string
  group: 'me' | 'people' | 'channels' | 'work' | 'open'
  icon: IconName
  /** Any one of these lets a person in; left out: everybody. */
  permissions?: string[]
  component: () => Promise<Component>
}

export const SETTINGS_GROUPS = ['me', 'people', 'channels', 'work', 'open'] as const

const found = import.meta.glob<SettingsEntry[]>('../*/settings.ts', { eager: true, import: 'default' })

export const SETTINGS: SettingsEntry[] = Object.values(found)
  .flat()
  .sort((a, b) => SETTINGS_GROUPS.indexOf(a.group) - SETTINGS_GROUPS.indexOf(b.group))
