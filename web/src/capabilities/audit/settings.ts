import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'audit', title: 'audit.title', group: 'open', icon: 'history', permissions: ['audit.read'], component: () => import('./AuditPage.vue') }]
export default pages
