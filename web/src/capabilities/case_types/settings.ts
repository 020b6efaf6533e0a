import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [{ path: 'case-types', title: 'types.title', group: 'work', icon: 'split', permissions: ['case_type.manage'], component: () => import('./CaseTypesPage.vue') }]
export default pages
