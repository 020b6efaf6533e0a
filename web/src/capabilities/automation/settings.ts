import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'rules', title: 'rules.title', group: 'work', icon: 'bolt', permissions: ['rule.manage'], component: () => import('./RulesPage.vue') }]
export default pages
