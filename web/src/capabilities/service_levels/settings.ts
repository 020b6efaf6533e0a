import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [
  { path: 'calendars', title: 'levels.calendars.title', group: 'work', icon: 'calendar', permissions: ['calendar.manage'], component: () => import('./CalendarsPage.vue') },
  { path: 'service-levels', title: 'levels.levels.title', group: 'work', icon: 'clock', permissions: ['service_level.manage'], component: () => import('./ServiceLevelsPage.vue') },
]
export default pages
