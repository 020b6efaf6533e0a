import { i18n } from './index'

/** `zh` → 中文, `en` → English (or 英语 for a Chinese reader); a code nobody knows stays what it is. */
export function languageName(code: string): string {
  try {
    return new Intl.DisplayNames(i18n.global.locale.value, { type: 'language', fallback: 'code' }).of(code) ?? code
  } catch {
    return code
  }
}
