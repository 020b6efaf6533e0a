// A WebSocket client of sixty lines: thousands of them fit into one process, each frame's arrival time is ours to take.
import { connect } from 'node:net'
import { randomBytes } from 'node:crypto'
import { PATIENCE } from './proc.mjs'

/** Opens `path` on `base` with a client's cookies; `onFrame(json, at)` for each text frame. Answers `{ send, close }`. */
export function openSocket(base, path, { cookies, headers = {}, onFrame = () => {}, onClose = () => {}, timeout = PATIENCE }) {
  const url = new URL(base)
  return new Promise((done, fail) => {
    const socket = connect(Number(url.port), url.hostname)
    socket.setNoDelay(true)
    const late = setTimeout(() => (socket.destroy(), fail(new Error('no handshake'))), timeout)
    let buffer = Buffer.alloc(0)
    let open = false
    const send = (opcode, payload) => {
      const mask = randomBytes(4)
      const head = payload.length < 126 ? Buffer.from([0x80 | opcode, 0x80 | payload.length]) : Buffer.from([0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 255])
      socket.write(Buffer.concat([head, mask, Buffer.from(payload.map((b, i) => b ^ mask[i & 3]))]))
    }
    const api = { send: (value) => send(1, Buffer.from(JSON.stringify(value))), close: () => socket.destroy(), closed: false }
    socket.on('connect', () => {
      const cookie = [...cookies].map(([k, v]) => `${k}=${v}`).join('; ')
      const more = Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('')
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\nOrigin: ${base}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nCookie: ${cookie}\r\n${more}\r\n`)
    })
    socket.on('data', (data) => {
      buffer = buffer.length ? Buffer.concat([buffer, data]) : data
      if (!open) {
        const end = buffer.indexOf('\r\n\r\n')
        if (end < 0) return
        const status = buffer.subarray(0, buffer.indexOf('\r\n')).toString()
        clearTimeout(late)
        if (!status.includes(' 101 ')) {
          socket.destroy()
          return fail(new Error(status))
        }
        buffer = buffer.subarray(end + 4)
        open = true
        done(api)
      }
      const at = performance.now()
      while (buffer.length >= 2) {
        let [size, from] = [buffer[1] & 127, 2]
        if (size === 126) {
          if (buffer.length < 4) return
          ;[size, from] = [buffer.readUInt16BE(2), 4]
        } else if (size === 127) {
          if (buffer.length < 10) return
          ;[size, from] = [Number(buffer.readBigUInt64BE(2)), 10]
        }
        if (buffer.length < from + size) return
        const opcode = buffer[0] & 15
        const payload = buffer.subarray(from, from + size)
        if (opcode === 1) {
          const frame = JSON.parse(payload.toString())
          if (frame.type === 'ping') api.send({ type: 'pong' })
          onFrame(frame, at)
        } else if (opcode === 9) send(10, payload)
        else if (opcode === 8) socket.end()
        buffer = buffer.subarray(from + size)
      }
    })
    socket.on('error', (error) => (clearTimeout(late), fail(error)))
    socket.on('close', () => {
      api.closed = true
      onClose()
    })
  })
}
