import { t } from '@/i18n'

/** The reader's reasons, as the parser words them, and the key that says the same in the reader's language. */
const KNOWN: [RegExp, string][] = [
  [/^the mail has (\d+) recipients/, 'recipients'],
  [/^the header has (\d+) lines/, 'headers'],
  [/^the mail has more than (\d+) parts/, 'parts'],
  [/^the mail is nested deeper than (\d+) levels/, 'depth'],
  [/^the mail has (\d+) bytes/, 'size'],
  [/^the parser took longer/, 'slow'],
]

/** Why a mail waits in quarantine; a reason without words here is shown as the server gives it. */
export function reasonText(reason: string): string {
  for (const [pattern, key] of KNOWN) {
    const found = pattern.exec(reason)
    if (found) return t(`email.quarantine.why.${key}`, { n: found[1] ?? '' })
  }
  return t('email.quarantine.why.other', { reason })
}
