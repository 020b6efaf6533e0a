// The few words of SMTP a test needs to hand a message to a server byte for byte, and a proxy that breaks connections.
import { connect, createServer } from 'node:net'

/** True when a server's first line matches. */
export function speaks(port, pattern) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(10_000, () => socket.destroy())
    socket.once('data', (data) => {
      done(pattern.test(data.toString()))
      socket.destroy()
    })
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
  })
}

/** Delivers raw bytes. Throws with the server's words when it does not take them. */
export async function deliver(port, { from, to, raw }) {
  const socket = connect(port, '127.0.0.1')
  let buffer = ''
  const waiting = []
  socket.on('data', (data) => {
    buffer += data
    for (let match; (match = /^(?:\d{3}-.*\r\n)*(\d{3}) .*\r\n/.exec(buffer)); ) {
      buffer = buffer.slice(match[0].length)
      waiting.shift()?.done(match[0])
    }
  })
  const broken = (error) => waiting.splice(0).forEach((w) => w.fail(error ?? new Error('the server hung up')))
  socket.once('error', broken)
  socket.once('close', () => broken())
  const reply = (expected) =>
    new Promise((done, fail) => waiting.push({ done, fail })).then((text) => {
      if (!text.startsWith(expected)) throw new Error(`SMTP: expected ${expected}, got ${text.trim()}`)
      return text
    })
  const say = (line, expected) => {
    const answer = reply(expected)
    socket.write(line)
    return answer
  }
  try {
    await reply('220')
    await say('EHLO customer.example\r\n', '250')
    await say(`MAIL FROM:<${from}>\r\n`, '250')
    for (const address of [to].flat()) await say(`RCPT TO:<${address}>\r\n`, '250')
    await say('DATA\r\n', '354')
    const body = Buffer.isBuffer(raw) ? raw.toString('latin1') : Buffer.from(raw).toString('latin1')
    const dotted = body.replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..')
    socket.write(Buffer.from(dotted.endsWith('\r\n') ? dotted : `${dotted}\r\n`, 'latin1'))
    await say('.\r\n', '250')
    socket.write('QUIT\r\n')
  } finally {
    socket.end()
  }
}

let count = 0
/** A message as a mail program would write it. Any header given replaces ours; `null` leaves it out. */
export function compose({ from, to, subject, text, html, messageId, inReplyTo, references, headers = {} }) {
  count += 1
  const word = (s) => (/^[\x20-\x7e]*$/.test(s) ? s : `=?UTF-8?B?${Buffer.from(s).toString('base64')}?=`)
  const all = {
    From: from,
    To: [to].flat().join(', '),
    Subject: word(subject ?? ''),
    Date: new Date().toUTCString().replace('GMT', '+0000'),
    'Message-ID': messageId === undefined ? `<test-${process.pid}-${Date.now()}-${count}@customer.example>` : messageId,
    'In-Reply-To': inReplyTo,
    References: references ?? inReplyTo,
    'MIME-Version': '1.0',
    ...headers,
  }
  const wrap = (s) => Buffer.from(s).toString('base64').replace(/.{76}/g, '$&\r\n')
  let body
  if (html) {
    all['Content-Type'] = 'multipart/alternative; boundary="=_b"'
    body = ['plain', 'html'].map((kind) => `--=_b\r\nContent-Type: text/${kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${wrap(kind === 'html' ? html : (text ?? ''))}\r\n`).join('') + '--=_b--\r\n'
  } else {
    all['Content-Type'] ??= 'text/plain; charset=utf-8'
    all['Content-Transfer-Encoding'] ??= 'base64'
    body = `${wrap(text ?? '')}\r\n`
  }
  const head = Object.entries(all).filter(([, v]) => v !== null && v !== undefined).map(([k, v]) => `${k}: ${v}\r\n`).join('')
  return `${head}\r\n${body}`
}

/**
 * Stands between a client and a server. `proxy.cutAfter = n` breaks every connection once n bytes have come from the
 * server; `proxy.dead = true` refuses new ones; `proxy.cutAll()` breaks those that are open.
 */
export async function proxyTo(port) {
  const open = new Set()
  const proxy = { cutAfter: Infinity, dead: false, cuts: 0, connections: 0, bytes: 0 }
  const server = createServer((client) => {
    if (proxy.dead) return client.resetAndDestroy()
    proxy.connections += 1
    const upstream = connect(port, '127.0.0.1')
    const pair = { cut: () => [client, upstream].forEach((s) => s.resetAndDestroy()) }
    open.add(pair)
    let seen = 0
    upstream.on('data', (data) => {
      seen += data.length
      proxy.bytes += data.length
      if (seen > proxy.cutAfter) {
        proxy.cuts += 1
        client.write(data.subarray(0, Math.max(0, data.length - (seen - proxy.cutAfter))), () => pair.cut())
      } else client.write(data)
    })
    client.on('data', (data) => upstream.write(data))
    for (const [a, b] of [[client, upstream], [upstream, client]]) {
      a.on('error', () => b.destroy())
      a.on('close', () => {
        b.end()
        open.delete(pair)
      })
    }
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  server.unref()
  proxy.port = server.address().port
  proxy.cutAll = () => open.forEach((pair) => pair.cut())
  proxy.close = () => {
    proxy.cutAll()
    server.close()
  }
  return proxy
}
