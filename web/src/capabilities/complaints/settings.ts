import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'complaints', title: 'complaints.settings.title', group: 'work', icon: 'flag', permissions: ['complaint.settings'], component: () => import('./ComplaintSettingsPage.vue') }]
export default pages
