import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { request } from './api/client'
import { SETTINGS } from './capabilities/settings/entries'
import { forget, loadSession, viewer } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Reached without a session. */
    open?: boolean
    /** Key of the page's name, for the window title. */
    title?: string
  }
}

/** Each capability brings its own settings pages; the first is where a person lands. */
const settings: RouteRecordRaw[] = [
  { path: '', redirect: { name: 'settings.profile' } },
  ...SETTINGS.map((entry) => ({ path: entry.path, name: `settings.${entry.path}`, component: entry.component, meta: { title: entry.title } })),
]

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/login', name: 'login', component: () => import('./capabilities/identity/LoginPage.vue'), meta: { open: true, title: 'login.title' } },
    { path: '/setup', name: 'setup', component: () => import('./capabilities/identity/SetupPage.vue'), meta: { open: true, title: 'setup.title' } },
    { path: '/enrol', name: 'enrol', component: () => import('./capabilities/identity/EnrolPage.vue'), meta: { title: 'identity.security.totp' } },
    { path: '/invitation', name: 'invitation', component: () => import('./capabilities/identity/InvitationPage.vue'), meta: { open: true, title: 'invitation.title' } },
    {
      path: '/',
      component: () => import('./shell/AppShell.vue'),
      children: [
        { path: '', redirect: '/desk/mine' },
        { path: 'desk/:view?/:case?', name: 'desk', component: () => import('./capabilities/desk/DeskPage.vue'), meta: { title: 'nav.desk' } },
        { path: 'case/:number', name: 'case', component: () => import('./capabilities/desk/CaseByNumber.vue'), meta: { title: 'nav.desk' } },
        { path: 'stages/:type?', name: 'stages', component: () => import('./capabilities/desk/board/StagesPage.vue'), meta: { title: 'nav.stages' } },
        { path: 'accountable/:person?', name: 'accountable', component: () => import('./capabilities/desk/accountable/AccountablePage.vue'), meta: { title: 'nav.accountable' } },
        { path: 'wall/:team?', name: 'wall', component: () => import('./capabilities/desk/wall/WallPage.vue'), meta: { title: 'nav.wall' } },
        { path: 'search', name: 'search', component: () => import('./capabilities/desk/SearchPage.vue'), meta: { title: 'nav.search' } },
        { path: 'reviews/:id?', name: 'reviews', component: () => import('./capabilities/reviews/ReviewsPage.vue'), meta: { title: 'nav.reviews' } },
        { path: 'warnings/:tab?', name: 'warnings', component: () => import('./capabilities/warnings/WarningsPage.vue'), meta: { title: 'nav.warnings' } },
        { path: 'crises/:id', name: 'crisis', component: () => import('./capabilities/warnings/CrisisPage.vue'), meta: { title: 'warnings.crisis.title' } },
        { path: 'customers/:id?', name: 'customers', component: () => import('./capabilities/customers/CustomersPage.vue'), meta: { title: 'nav.customers' } },
        { path: 'complaints', name: 'complaints', component: () => import('./capabilities/complaints/ComplaintsPage.vue'), meta: { title: 'nav.complaints' } },
        { path: 'complaints/files/:id?', name: 'complaint-files', component: () => import('./capabilities/complaints/FilesPage.vue'), meta: { title: 'complaints.file.title' } },
        { path: 'board', name: 'board', component: () => import('./capabilities/insight/BoardPage.vue'), meta: { title: 'nav.board' } },
        { path: 'settings', component: () => import('./capabilities/settings/SettingsPage.vue'), meta: { title: 'nav.settings' }, children: settings },
        { path: ':path(.*)*', name: 'missing', component: () => import('./shell/MissingPage.vue'), meta: { title: 'missing.title' } },
      ],
    },
  ],
})

let asked = false

router.beforeEach(async (to) => {
  if (!asked && to.name !== 'setup' && to.name !== 'invitation') {
    asked = true
    await loadSession()
    if (!viewer.value && to.name !== 'setup') {
      const setup = await request<{ needed: boolean }>('GET', '/setup', { anonymous: true }).catch(() => ({ needed: false }))
      if (setup.needed) return { name: 'setup', query: to.query }
    }
  }
  if (!to.meta.open && !viewer.value) {
    return { name: 'login', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  }
  // Until the second factor that the role demands is there, the server answers nothing else.
  const mfa = viewer.value?.mfa
  if (mfa?.required && !mfa.enrolled && !to.meta.open && to.name !== 'enrol') return { name: 'enrol', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  if (to.name === 'login' && viewer.value) return typeof to.query.to === 'string' && to.query.to.startsWith('/') ? to.query.to : '/'
  return true
})

/** Leaves everything behind and asks for log-in, coming back to the same place after it. */
export async function toLogin(): Promise<void> {
  const back = router.currentRoute.value.fullPath
  forget()
  await router.push({ name: 'login', query: back === '/' ? {} : { to: back } })
}
