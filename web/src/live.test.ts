import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Live, type LiveSocket } from './live'

class FakeSocket implements LiveSocket {
  sent: string[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: (() => void) | null = null
  constructor(readonly url: string) {}
  send(text: string) {
    this.sent.push(text)
  }
  close() {}
  say(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
}

describe('live', () => {
  let sockets: FakeSocket[]
  let live: Live
  const last = () => sockets[sockets.length - 1]!

  beforeEach(() => {
    vi.useFakeTimers()
    sockets = []
    live = new Live('10', (url) => (sockets.push(new FakeSocket(url)), last()), (since) => `/live?since=${since}`, () => 0.5)
    live.connect()
    last().onopen?.()
  })
  afterEach(() => {
    live.close()
    vi.useRealTimers()
  })

  it('resumes from the last position it handled', () => {
    const seen: string[] = []
    live.listen({ event: (e) => seen.push(e.position) })
    last().say({ type: 'event', position: '11', kind: 'case.opened' })
    last().say({ type: 'event', position: '12', kind: 'case.assigned' })
    last().onclose?.()
    vi.advanceTimersByTime(300)
    expect(last().url).toBe('/live?since=12')
    last().onopen?.()
    last().say({ type: 'event', position: '13', kind: 'case.closed' })
    expect(seen).toEqual(['11', '12', '13'])
  })

  it('tells listeners to fetch again when the gap is too old', () => {
    const resync = vi.fn()
    live.listen({ resync })
    last().say({ type: 'resync', position: '900' })
    expect(resync).toHaveBeenCalledOnce()
    expect(live.position).toBe('900')
  })

  it('answers pings and leaves a silent line', () => {
    last().say({ type: 'ping' })
    expect(last().sent).toContain('{"type":"pong"}')
    vi.advanceTimersByTime(41_000)
    expect(sockets.length).toBe(2)
  })

  it('says again after a reconnect where this person is', () => {
    live.showPresence('cas_1', 'typing')
    last().onclose?.()
    vi.advanceTimersByTime(300)
    last().onopen?.()
    expect(last().sent[0]).toContain('"case_id":"cas_1"')
  })

  it('does not trust an open socket after the network was gone', () => {
    last().say({ type: 'event', position: '44', kind: 'case.opened' })
    live.wake(true)
    expect(sockets.length).toBe(2)
    expect(last().url).toBe('/live?since=44')
  })

  it('backs off, and tries at once when woken', () => {
    for (let i = 0; i < 6; i += 1) {
      last().onclose?.()
      vi.advanceTimersByTime(20_000)
    }
    const before = sockets.length
    last().onclose?.()
    live.wake()
    expect(sockets.length).toBe(before + 1)
  })
})
