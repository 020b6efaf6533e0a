import { computed, shallowRef } from 'vue'
import { keyOptions } from './actions/registry'
import { api, request, sessionAbandoned } from './api/client'
import type { PersonStatus, Preferences, Viewer } from './api/types'
import { asLocale, setLocale } from './i18n'
import { zone } from './i18n/time'
import { Live, openLive } from './live'
import { setDensity, setTheme } from './look'
import { queryClient } from './queries'

/** Who is looking. null: not known yet or logged out. */
export const viewer = shallowRef<Viewer | null>(null)
export const live = shallowRef<Live | null>(null)

export const preferences = computed<Preferences>(() => viewer.value?.person.preferences ?? {})

export function can(permission: string): boolean {
  return viewer.value?.permissions.includes(permission) ?? false
}

/** Takes over what the server says about this person: language, zone, look, keys, and opens the live line. */
export async function adopt(next: Viewer): Promise<void> {
  const before = viewer.value
  viewer.value = next
  zone.value = next.person.time_zone || zone.value
  const wanted = next.person.preferences
  keyOptions.enabled = wanted.shortcuts !== false
  keyOptions.remap = (wanted.keys as Record<string, string[]> | undefined) ?? {}
  if (wanted.theme) setTheme(wanted.theme)
  if (wanted.density) setDensity(wanted.density)
  await setLocale(asLocale(next.person.locale))
  if (before && before.person.id !== next.person.id) queryClient.clear()
  if (!live.value) live.value = openLive(next.position)
}

/** The session the cookie stands for, if any; never opens the re-login dialog. */
export async function loadSession(): Promise<Viewer | null> {
  try {
    await adopt(await request<Viewer>('GET', '/session', { anonymous: true }))
  } catch {
    viewer.value = null
  }
  return viewer.value
}

export async function login(body: { email: string; password: string; code?: string; new_password?: string }): Promise<Viewer> {
  const next = await request<Viewer>('POST', '/session', { body, anonymous: true })
  await adopt(next)
  return next
}

export async function logout(): Promise<void> {
  await api.delete('/session')
  forget()
}

/** Drops everything this browser knows about the person. */
export function forget(): void {
  live.value?.close()
  live.value = null
  viewer.value = null
  queryClient.clear()
  for (const key of Object.keys(sessionStorage)) if (/^shouwen\.(unsaved|tabs)\./.test(key)) sessionStorage.removeItem(key)
  sessionAbandoned()
}

export async function saveMe(change: { name?: string; locale?: string; time_zone?: string; preferences?: Preferences }): Promise<void> {
  const now = viewer.value
  if (!now) return
  const merged = change.preferences ? { ...change, preferences: { ...now.person.preferences, ...change.preferences } } : change
  await api.patch('/me', merged)
  await adopt({ ...now, person: { ...now.person, ...merged } })
}

export async function setStatus(status: PersonStatus): Promise<void> {
  await api.put('/me/status', { status })
  const now = viewer.value
  if (now) viewer.value = { ...now, person: { ...now.person, status } }
}
