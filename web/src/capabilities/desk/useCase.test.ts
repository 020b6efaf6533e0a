import { describe, expect, it } from 'vitest'
import type { TimelineItem } from '@/api/types'
import { mergeTimeline } from './useCase'

const event = (n: number) => ({ kind: 'event', position: String(n), type: 'x', actor: null, at: '', data: {} }) as TimelineItem
const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i))

describe('timeline', () => {
  it('joins the newest page to what is known, without doubles', () => {
    const { items, gap } = mergeTimeline(span(1, 60), span(41, 80))
    expect(gap).toBe(false)
    expect(items).toEqual(span(1, 80))
  })
  it('never hides a gap: what cannot be joined is dropped and fetched again', () => {
    const { items, gap } = mergeTimeline(span(1, 10), span(50, 80))
    expect(gap).toBe(true)
    expect(items).toEqual(span(50, 80))
  })
})
