import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [
  { path: 'canned', title: 'canned.title', group: 'work', icon: 'bolt', permissions: ['canned.edit', 'case.reply'], component: () => import('./CannedPage.vue') },
  { path: 'recurring', title: 'work.recurring.title', group: 'work', icon: 'refresh', permissions: ['case_type.manage'], component: () => import('./recurring/RecurringPage.vue') },
]
export default pages
