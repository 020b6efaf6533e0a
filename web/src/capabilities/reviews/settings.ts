import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'review-flows', title: 'reviews.settings.title', group: 'work', icon: 'shield', permissions: ['review.manage'], component: () => import('./FlowsPage.vue') }]
export default pages
