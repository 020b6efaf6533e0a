import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [
  { path: 'canned', title: 'canned.title', group: 'work', icon: 'bolt', permissions: ['canned.edit', 'case.reply'], component: () => import('./CannedPage.vue') },
  { path: 'case-templates', title: 'work.template.title', group: 'work', icon: 'copy', permissions: ['case_type.manage', 'case.create'], component: () => import('./templates/TemplatesPage.vue') },
  { path: 'recurring', title: 'work.recurring.title', group: 'work', icon: 'refresh', permissions: ['case_type.manage'], component: () => import('./recurring/RecurringPage.vue') },
  { path: 'case-ends', title: 'work.ends.title', group: 'work', icon: 'shield', permissions: ['case_type.manage', 'review.lead'], component: () => import('./ends/EndsPage.vue') },
]
export default pages
