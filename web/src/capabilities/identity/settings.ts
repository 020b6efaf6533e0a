import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [
  { path: 'profile', title: 'identity.profile.title', group: 'me', icon: 'person', component: () => import('./ProfilePage.vue') },
  { path: 'security', title: 'identity.security.title', group: 'me', icon: 'shield', component: () => import('./SecurityPage.vue') },
  { path: 'shortcuts', title: 'identity.shortcuts.title', group: 'me', icon: 'keyboard', component: () => import('./ShortcutsPage.vue') },
  { path: 'tokens', title: 'identity.tokens.title', group: 'me', icon: 'key', component: () => import('./TokensPage.vue') },
]
export default pages
