import { has, t } from '@/i18n'

/** What was done, in words: `case.read` → 工单 · 查看; a deed this build has no words for keeps its code. */
export function actionText(code: string): string {
  const [thing = '', ...rest] = code.split('.')
  const [noun, verb] = [`audit.noun.${thing}`, `audit.verb.${rest.join('.')}`]
  return has(noun) && has(verb) ? t('audit.said', { noun: t(noun), verb: t(verb) }) : code
}

/** The kind of what it was done to, in words; one without words keeps its key. */
export const thing = (kind: string): string => (has(`audit.noun.${kind}`) ? t(`audit.noun.${kind}`) : kind)
