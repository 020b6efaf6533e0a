import type { SettingsEntry } from '../settings/entries'

const pages: SettingsEntry[] = [
  { path: 'webhooks', title: 'integrations.webhooks.title', group: 'open', icon: 'webhook', permissions: ['webhook.manage'], component: () => import('./WebhooksPage.vue') },
  { path: 'outbox', title: 'integrations.outbox.title', group: 'open', icon: 'send', permissions: ['outbox.manage'], component: () => import('./OutboxPage.vue') },
]
export default pages
