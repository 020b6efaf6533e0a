import { ref } from 'vue'

export type Theme = 'system' | 'light' | 'dark'
export type Density = 'compact' | 'comfortable'

export function kept(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Private windows may refuse; the choice then lasts for this page.
  }
}

export const theme = ref<Theme>((kept('shouwen.theme') as Theme | null) ?? 'system')
export const density = ref<Density>((kept('shouwen.density') as Density | null) ?? 'comfortable')
export const dark = ref(document.documentElement.dataset.theme === 'dark')

const media = matchMedia('(prefers-color-scheme: dark)')

function apply(): void {
  dark.value = theme.value === 'dark' || (theme.value === 'system' && media.matches)
  document.documentElement.dataset.theme = dark.value ? 'dark' : 'light'
  document.documentElement.dataset.density = density.value
}
media.addEventListener('change', apply)

export function setTheme(next: Theme): void {
  theme.value = next
  keep('shouwen.theme', next)
  apply()
}
export function setDensity(next: Density): void {
  density.value = next
  keep('shouwen.density', next)
  apply()
}

/** A number this browser remembers, such as a pane's width. */
export function remembered(key: string, initial: number) {
  const name = `shouwen.${key}`
  const raw = kept(name)
  const value = ref(raw !== null && Number.isFinite(Number(raw)) ? Number(raw) : initial)
  return {
    value,
    save: (next: number) => {
      value.value = next
      keep(name, String(next))
    },
  }
}
