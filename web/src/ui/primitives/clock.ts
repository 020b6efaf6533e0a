import type { ClockState } from '@/api/types'
import type { IconName } from '../icons'

/** How a service-level clock looks: the state never rests on colour alone. */
export interface ClockLook {
  tone: 'neutral' | 'good' | 'warn' | 'bad' | 'paused'
  icon: IconName
  /** Key under `clock.` for the words; `{span}` is the time left or over. */
  text: 'left' | 'over' | 'paused' | 'met' | 'cancelled'
  /** Seconds left (positive) or over (negative); null when the clock does not run. */
  seconds: number | null
}

/** Below this much left a running clock warns even before the server has said so. */
const NEAR_S = 15 * 60

/**
 * @param state what the server last said
 * @param dueAt when it breaches, RFC 3339; null while paused
 * @param now milliseconds
 */
export function clockLook(state: ClockState, dueAt: string | null, now: number, remaining?: number | null): ClockLook {
  if (state === 'met') return { tone: 'good', icon: 'check', text: 'met', seconds: null }
  if (state === 'cancelled') return { tone: 'neutral', icon: 'minus', text: 'cancelled', seconds: null }
  if (state === 'paused') return { tone: 'paused', icon: 'pause', text: 'paused', seconds: remaining ?? null }
  const left = dueAt ? Math.floor((new Date(dueAt).getTime() - now) / 1000) : (remaining ?? 0)
  if (state === 'breached' || left < 0) return { tone: 'bad', icon: 'fire', text: 'over', seconds: Math.min(left, 0) }
  if (state === 'warned' || left < NEAR_S) return { tone: 'warn', icon: 'alert', text: 'left', seconds: left }
  return { tone: 'neutral', icon: 'clock', text: 'left', seconds: left }
}
