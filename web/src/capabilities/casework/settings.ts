import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'canned', title: 'canned.title', group: 'work', icon: 'bolt', permissions: ['canned.edit', 'case.reply'], component: () => import('./CannedPage.vue') }]
export default pages
