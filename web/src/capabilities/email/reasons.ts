import { has, t } from '@/i18n'

/** Why a mail waits in quarantine, by the server's code; a reason without words here is shown as the server gives it. */
export function reasonText(mail: { reason: string; reason_code?: string }): string {
  const key = `email.quarantine.why.${mail.reason_code ?? 'other'}`
  const number = /\d+/.exec(mail.reason)?.[0] ?? ''
  return has(key) && mail.reason_code !== 'other' ? t(key, { n: number }) : t('email.quarantine.why.other', { reason: mail.reason })
}
