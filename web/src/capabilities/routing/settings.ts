import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'routing', title: 'routing.title', group: 'work', icon: 'split', permissions: ['routing.manage'], component: () => import('./RoutingPage.vue') }]
export default pages
