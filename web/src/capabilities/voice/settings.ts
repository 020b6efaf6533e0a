import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'satisfaction', title: 'voice.title', group: 'work', icon: 'smile', permissions: ['survey.read', 'survey.manage'], component: () => import('./SatisfactionPage.vue') }]
export default pages
