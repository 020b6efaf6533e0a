import { t } from '@/i18n'

/** Whose matter it is, in words: a customer, the house's own affair, or somebody not known yet. */
export function whose(row: { customer?: { name: string } | null; channel?: string | null }): string {
  return row.customer?.name ?? t(row.channel === 'internal' ? 'desk.internal_matter' : 'desk.no_customer')
}
