import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [
  { path: 'profile', title: 'identity.profile.title', group: 'me', icon: 'person', component: () => import('./ProfilePage.vue') },
  { path: 'security', title: 'identity.security.title', group: 'me', icon: 'shield', component: () => import('./SecurityPage.vue') },
  { path: 'shortcuts', title: 'identity.shortcuts.title', group: 'me', icon: 'keyboard', component: () => import('./ShortcutsPage.vue') },
  { path: 'tokens', title: 'identity.tokens.title', group: 'me', icon: 'key', component: () => import('./TokensPage.vue') },
  { path: 'people', title: 'identity.people.title', group: 'people', icon: 'people', permissions: ['people.manage'], component: () => import('./PeoplePage.vue') },
  { path: 'teams', title: 'identity.teams.title', group: 'people', icon: 'building', permissions: ['team.manage'], component: () => import('./TeamsPage.vue') },
  { path: 'roles', title: 'identity.roles.title', group: 'people', icon: 'lock', permissions: ['role.manage'], component: () => import('./RolesPage.vue') },
]
export default pages
