import { i18n, t } from '@/i18n'
import { span } from '@/i18n/time'

/** A figure of the board. Undefined is null, never 0. */
export interface Tile {
  indicator: string
  name?: string | { zh: string; en: string }
  unit: string
  value: number | null
  numerator?: number | null
  denominator?: number | null
  target?: number | null
  previous?: number | null
  direction?: 'up_good' | 'down_good' | null
  n?: number | null
  about?: string | { zh: string; en: string } | null
}
export interface Point {
  day: string
  numerator: number | null
  denominator: number | null
  value: number | null
}

export function local(name: string | { zh: string; en: string } | null | undefined): string {
  if (!name) return ''
  if (typeof name === 'string') return name
  return i18n.global.locale.value === 'zh-CN' ? name.zh : name.en
}

/** A value with its unit: seconds as a span, a share as per cent, a count in groups of three. */
export function figure(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return t('insight.undefined')
  if (/^(s|sec|seconds?|duration)$/.test(unit)) return span(value)
  if (/^(ratio|share|fraction|rate)$/.test(unit)) return percent(value)
  if (/^(%|percent)$/.test(unit)) return percent(value / 100)
  return new Intl.NumberFormat(i18n.global.locale.value, { maximumFractionDigits: 2 }).format(value)
}
function percent(share: number): string {
  return new Intl.NumberFormat(i18n.global.locale.value, { style: 'percent', maximumFractionDigits: 1 }).format(share)
}

export type Verdict = 'good' | 'bad' | 'none'

/** Whether the target is met; without a target there is no verdict, and no colour. */
export function verdict(tile: Tile): Verdict {
  if (tile.value === null || tile.value === undefined || tile.target === null || tile.target === undefined || !tile.direction) return 'none'
  const met = tile.direction === 'up_good' ? tile.value >= tile.target : tile.value <= tile.target
  return met ? 'good' : 'bad'
}

/** Relative change to the time before; null where it means nothing. */
export function change(tile: Tile): { share: number; better: boolean | null } | null {
  const { value, previous } = tile
  if (value === null || value === undefined || previous === null || previous === undefined || previous === 0) return null
  const share = (value - previous) / Math.abs(previous)
  if (!Number.isFinite(share)) return null
  return { share, better: tile.direction && share !== 0 ? (tile.direction === 'up_good') === share > 0 : null }
}

const SPANS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800]

/** Steps of an axis of seconds: minutes, hours and days that people count in. */
export function spanTicks(max: number): number[] {
  const step = SPANS.find((span) => max / span <= 5) ?? Math.ceil(max / 5 / 604_800) * 604_800
  return Array.from({ length: Math.max(2, Math.ceil(max / step) + 1) }, (_, i) => i * step)
}

/** Round steps for an axis that ends at or above `max`. */
export function ticks(max: number, count = 4): number[] {
  if (!(max > 0)) return [0, 1]
  const raw = max / count
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = ([1, 2, 2.5, 5, 10].find((m) => m * power >= raw) ?? 10) * power
  const out: number[] = []
  for (let v = 0; v < max + step * 0.999; v += step) out.push(Number(v.toPrecision(12)))
  return out
}
