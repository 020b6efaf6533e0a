/**
 * The live line to the server: every committed event of what this person may see, in order, without gaps.
 * After a break it asks for everything since the last position it handled; if the server no longer keeps that far back it answers
 * `resync`, and whoever listens fetches its scope again. Nothing here ever asks for "the last N seconds".
 */

export interface LiveEvent {
  type: 'event'
  position: string
  kind: string
  case_id?: string | null
  subject?: string | null
  actor?: { kind?: string; id?: string; name?: string } | string | null
}

export interface PresencePerson {
  id: string
  name: string
  state: 'viewing' | 'typing'
}

export type LiveState = 'connecting' | 'open' | 'waiting'

export interface LiveListener {
  event?(event: LiveEvent): void
  /** The gap is too old to replay: fetch what is on the screen again. */
  resync?(): void
  presence?(caseId: string, people: PresencePerson[]): void
  /** This person may no longer see the case: forget it. */
  revoke?(caseId: string): void
  state?(state: LiveState): void
}

/** The part of WebSocket that is used, so that a test can stand in for it. */
export interface LiveSocket {
  send(text: string): void
  close(): void
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: (() => void) | null
}

/** The server pings each 25 s; a line silent for longer than this is dead even if nobody said so. */
const SILENCE_MS = 40_000
const ACK_EVERY_MS = 5_000
const BACK_OFF_MS = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000]

export class Live {
  position: string
  private socket: LiveSocket | null = null
  private listeners = new Set<LiveListener>()
  private failures = 0
  private closed = false
  private silence: ReturnType<typeof setTimeout> | undefined
  private again: ReturnType<typeof setTimeout> | undefined
  private ackTimer: ReturnType<typeof setTimeout> | undefined
  private presence: { caseId: string; state: 'viewing' | 'typing' } | null = null

  constructor(
    position: string,
    private readonly open: (url: string) => LiveSocket,
    private readonly url: (since: string) => string,
    private readonly random: () => number = Math.random,
  ) {
    this.position = position
  }

  listen(listener: LiveListener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  connect(): void {
    if (this.closed || this.socket) return
    clearTimeout(this.again)
    this.tell((l) => l.state?.('connecting'))
    const socket = this.open(this.url(this.position))
    this.socket = socket
    socket.onopen = () => {
      this.failures = 0
      this.heard()
      this.tell((l) => l.state?.('open'))
      if (this.presence) this.sendPresence(this.presence.caseId, this.presence.state)
    }
    socket.onmessage = (event) => {
      this.heard()
      if (typeof event.data === 'string') this.frame(event.data)
    }
    socket.onclose = () => this.lost(socket)
  }

  /** Called when the browser says it is online or visible again: find out now, not at the next heartbeat. */
  wake(fresh = false): void {
    if (this.closed) return
    // After the network was gone an open socket proves nothing: a new one asks for everything since the last position.
    if (fresh && this.socket) {
      const old = this.socket
      old.onopen = old.onmessage = old.onclose = null
      old.close()
      this.socket = null
    }
    if (!this.socket) {
      this.failures = 0
      this.connect()
    }
  }

  close(): void {
    this.closed = true
    clearTimeout(this.again)
    clearTimeout(this.silence)
    clearTimeout(this.ackTimer)
    this.socket?.close()
    this.socket = null
  }

  /** Tells colleagues what this person does with a case; `left` ends it. */
  showPresence(caseId: string, state: 'viewing' | 'typing' | 'left'): void {
    this.presence = state === 'left' ? (this.presence?.caseId === caseId ? null : this.presence) : { caseId, state }
    this.sendPresence(caseId, state)
  }

  private sendPresence(caseId: string, state: string): void {
    this.send({ type: 'presence', case_id: caseId, state })
  }

  private send(frame: Record<string, unknown>): void {
    try {
      this.socket?.send(JSON.stringify(frame))
    } catch {
      // The socket is closing; the state is sent again when it is open.
    }
  }

  private frame(text: string): void {
    let frame: Record<string, unknown>
    try {
      frame = JSON.parse(text) as Record<string, unknown>
    } catch {
      return
    }
    switch (frame.type) {
      case 'event': {
        const event = frame as unknown as LiveEvent
        this.tell((l) => l.event?.(event))
        this.moved(event.position)
        break
      }
      case 'resync':
        if (typeof frame.position === 'string') this.moved(frame.position)
        this.tell((l) => l.resync?.())
        break
      case 'presence':
        this.tell((l) => l.presence?.(String(frame.case_id), (frame.people as PresencePerson[]) ?? []))
        break
      case 'revoke':
        this.tell((l) => l.revoke?.(String(frame.case_id)))
        break
      case 'ping':
        this.send({ type: 'pong' })
        break
    }
  }

  private moved(position: string): void {
    this.position = position
    this.ackTimer ??= setTimeout(() => {
      this.ackTimer = undefined
      this.send({ type: 'ack', position: this.position })
    }, ACK_EVERY_MS)
  }

  private heard(): void {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => {
      const socket = this.socket
      if (socket) {
        socket.close()
        this.lost(socket)
      }
    }, SILENCE_MS)
  }

  private lost(socket: LiveSocket): void {
    if (this.socket !== socket) return
    this.socket = null
    socket.onopen = socket.onmessage = socket.onclose = null
    clearTimeout(this.silence)
    if (this.closed) return
    const base = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length - 1)] ?? 15_000
    this.failures += 1
    this.tell((l) => l.state?.('waiting'))
    this.again = setTimeout(() => this.connect(), base * (0.75 + this.random() / 2))
  }

  private tell(what: (listener: LiveListener) => void): void {
    for (const listener of [...this.listeners]) what(listener)
  }
}

export function openLive(position: string): Live {
  const live = new Live(
    position,
    (url) => new WebSocket(url) as unknown as LiveSocket,
    (since) => {
      const origin = location.origin.replace(/^http/, 'ws')
      return `${origin}/api/v1/live?since=${encodeURIComponent(since)}`
    },
  )
  const wake = () => document.visibilityState === 'visible' && live.wake()
  addEventListener('online', () => live.wake(true))
  document.addEventListener('visibilitychange', wake)
  live.connect()
  return live
}
