import { createI18n } from 'vue-i18n'

export const LOCALES = ['zh-CN', 'en'] as const
export type Locale = (typeof LOCALES)[number]

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN' as Locale,
  fallbackLocale: false,
  missingWarn: import.meta.env.DEV,
  fallbackWarn: false,
  // "one | many": nought is many, and so is a number nobody gave.
  pluralRules: { en: (n: number, forms: number) => (forms > 1 && n !== 1 ? 1 : 0) },
  messages: {} as Record<Locale, Record<string, never>>,
})

/** One chunk per language: a person loads only the one they read. */
const bundles: Record<Locale, () => Promise<{ default: Record<string, unknown> }>> = {
  'zh-CN': () => import('./zh-CN'),
  en: () => import('./en'),
}

const loaded = new Set<Locale>()

export function asLocale(value: string | null | undefined): Locale {
  return value && /^zh/i.test(value) ? 'zh-CN' : 'en'
}

export function firstLocale(): Locale {
  try {
    const kept = localStorage.getItem('shouwen.locale')
    if (kept) return asLocale(kept)
  } catch {
    // Storage refused: the browser's language decides.
  }
  return asLocale(navigator.language)
}

export async function setLocale(locale: Locale): Promise<void> {
  if (!loaded.has(locale)) {
    const bundle = await bundles[locale]()
    i18n.global.setLocaleMessage(locale, bundle.default as Record<string, never>)
    loaded.add(locale)
  }
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
  try {
    localStorage.setItem('shouwen.locale', locale)
  } catch {
    // Only a convenience for the next visit.
  }
}

/** The generated key types are deeper than the checker goes; keys are checked by a test instead. */
const words = i18n.global as unknown as { t: (key: string, values: Record<string, unknown>) => string; te: (key: string) => boolean }

/** Whether there are words for this key. */
export const has = (key: string) => words.te(key)

export function t(key: string, values?: Record<string, unknown>): string {
  return words.t(key, values ?? {})
}

const chinese = () => i18n.global.locale.value === 'zh-CN'
/** Things one after the other, as the reader's language separates them. */
export const listed = (parts: readonly string[]) => parts.join(chinese() ? '、' : ', ')
/** Things that belong to one, read aloud or on one line. */
export const spoken = (parts: readonly string[]) => parts.join(chinese() ? '，' : ', ')
/** Sentences one after the other. */
export const clauses = (parts: readonly string[]) => parts.join(chinese() ? '；' : '; ')
