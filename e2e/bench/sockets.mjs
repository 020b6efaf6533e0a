// Thousands of open desks for the bench, as processes beside the server (started with fork; they speak by messages).
//
// In a real house every desk reads on its own machine; here they would share the server's cores, and a Node process that
// reads 5,000 sockets takes longer for it than the server for sending. So:
//   - one process holds most sockets without reading while a push is timed: the server writes to each of them and the
//     kernel delivers into its buffer, only the reader's own work is left out; afterwards it reads them all and counts, so
//     that a push which did not arrive is found out;
//   - one process reads a sample, opened evenly among the others, and stamps each first frame. Its own work is inside the
//     times.
import { connect } from 'node:net'
import { randomBytes } from 'node:crypto'
import { openSocket } from '../lib/ws.mjs'

const now = () => performance.timeOrigin + performance.now()

/** Opens a socket and leaves it unread; `take()` reads what has come and answers how many frames name `mark`. */
function hold(base, path, cookies) {
  const url = new URL(base)
  return new Promise((done, fail) => {
    const socket = connect(Number(url.port), url.hostname)
    let [head, open, text] = ['', false, '']
    const late = setTimeout(() => (socket.destroy(), fail(new Error('no handshake'))), 20_000)
    socket.setEncoding('latin1')
    socket.on('connect', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\nOrigin: ${base}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\nCookie: ${cookies.map(([k, v]) => `${k}=${v}`).join('; ')}\r\n\r\n`))
    socket.on('data', (data) => {
      if (open) {
        text += data
        return
      }
      head += data
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      clearTimeout(late)
      if (!head.startsWith('HTTP/1.1 101')) return fail(new Error(head.split('\r\n')[0]))
      open = true
      text = head.slice(end + 4)
      socket.pause()
      done({
        resume: () => socket.resume(),
        pause: () => socket.pause(),
        count(mark) {
          const n = text.split(mark).length - 1
          text = ''
          return n
        },
        close: () => socket.destroy(),
      })
    })
    socket.on('error', (error) => (clearTimeout(late), fail(error)))
  })
}

const held = []
const read = []
let [base, path, cookies] = []

const orders = {
  where: (order) => ([base, path, cookies] = [order.base, order.path, order.cookies]),
  async hold({ count }) {
    held.push(...(await Promise.all(Array.from({ length: count }, () => hold(base, path, cookies)))))
  },
  async read({ count }) {
    for (let n = 0; n < count; n++) {
      const place = read.length
      read.push(await openSocket(base, path, { cookies: new Map(cookies), onFrame: (frame) => frame.type === 'event' && frame.case_id && process.send({ frame: frame.case_id, place, at: now() }) }))
    }
  },
  /** Reads every held socket for a moment; how many pushes (`mark` occurs once in each) each of them got: the least, the most. */
  async drain({ mark, millis }) {
    held.forEach((socket) => socket.resume())
    await new Promise((done) => setTimeout(done, millis))
    held.forEach((socket) => socket.pause())
    const counts = held.map((socket) => socket.count(mark))
    return { least: Math.min(...counts), most: Math.max(...counts), sum: counts.reduce((a, b) => a + b, 0) }
  },
  end() {
    held.forEach((socket) => socket.close())
    read.forEach((socket) => socket.close())
    setImmediate(() => process.exit(0))
  },
}

process.on('message', async (order) => {
  try {
    process.send({ done: order.id, answer: (await orders[order.what](order)) ?? null })
  } catch (error) {
    process.send({ done: order.id, error: error.message })
  }
})
process.on('disconnect', () => process.exit(0))
