import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [
  { path: 'inboxes', title: 'email.inboxes.title', group: 'channels', icon: 'mail', permissions: ['inbox.manage'], component: () => import('./InboxesPage.vue') },
  { path: 'quarantine', title: 'email.quarantine.title', group: 'channels', icon: 'quarantine', permissions: ['quarantine.handle'], component: () => import('./QuarantinePage.vue') },
]
export default pages
