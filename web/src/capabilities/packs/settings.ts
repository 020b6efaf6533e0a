import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'packs', title: 'packs.title', group: 'open', icon: 'file', permissions: ['pack.manage'], component: () => import('./PacksPage.vue') }]
export default pages
