import { describe, expect, it } from 'vitest'
import { clockLook } from './clock'

const now = Date.parse('2026-11-20T10:00:00Z')
const due = (minutes: number) => new Date(now + minutes * 60_000).toISOString()

describe('UX-31: a service-level clock', () => {
  it('counts down, warns, breaches, each with words, icon and tone of its own', () => {
    expect(clockLook('running', due(120), now)).toMatchObject({ tone: 'neutral', icon: 'clock', text: 'left', seconds: 7200 })
    expect(clockLook('warned', due(60), now)).toMatchObject({ tone: 'warn', icon: 'alert' })
    expect(clockLook('running', due(10), now)).toMatchObject({ tone: 'warn' })
    expect(clockLook('running', due(-10), now)).toMatchObject({ tone: 'bad', icon: 'fire', text: 'over', seconds: -600 })
    expect(clockLook('breached', due(-10), now)).toMatchObject({ tone: 'bad' })
  })
  it('stands still while paused, and is quiet once met', () => {
    expect(clockLook('paused', null, now, 3600)).toMatchObject({ tone: 'paused', icon: 'pause', seconds: 3600 })
    expect(clockLook('met', due(-5), now)).toMatchObject({ tone: 'good', seconds: null })
  })
})
