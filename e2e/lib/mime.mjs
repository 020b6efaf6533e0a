// Letters with files, written as mail programs write them, and mail read back part by part; a small real picture.
import { createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'
import { compose } from './smtp.mjs'

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

const lines = (bytes) => Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n')
const percent = (text) => [...Buffer.from(text)].map((b) => `%${b.toString(16).toUpperCase().padStart(2, '0')}`).join('')

/** A multipart letter. `files`: `{ name, type, bytes, cid? }`; names go out as RFC 2231, or as `encoded: 'words'` the way old Outlook writes them. */
export function letter({ text = '', html, files = [], headers = {}, ...more }) {
  const part = (type, bytes, extra = '') => `--=_m\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n${extra}\r\n${lines(bytes)}\r\n`
  const name = (f) =>
    f.encoded === 'words' ? [`; name="=?UTF-8?B?${Buffer.from(f.name).toString('base64')}?="`, `; filename="=?UTF-8?B?${Buffer.from(f.name).toString('base64')}?="`] : ['', `; filename*=UTF-8''${percent(f.name)}`]
  const body = [
    html ? `--=_m\r\nContent-Type: multipart/alternative; boundary="=_a"\r\n\r\n${['plain', 'html'].map((k) => `--=_a\r\nContent-Type: text/${k}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(k === 'html' ? html : text)}\r\n`).join('')}--=_a--\r\n` : part('text/plain; charset=utf-8', text),
    ...files.map((f) => part(`${f.type}${name(f)[0]}`, f.bytes, f.cid ? `Content-ID: <${f.cid}>\r\nContent-Disposition: inline${name(f)[1]}\r\n` : `Content-Disposition: attachment${name(f)[1]}\r\n`)),
    '--=_m--\r\n',
  ].join('')
  const head = compose({ ...more, text: '', headers: { ...headers, 'Content-Type': 'multipart/mixed; boundary="=_m"', 'Content-Transfer-Encoding': null } }).split('\r\n\r\n')[0]
  return `${head}\r\n\r\n${body}`
}

function headersOf(raw) {
  const found = {}
  for (const line of raw.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const at = line.indexOf(':')
    if (at > 0) found[line.slice(0, at).toLowerCase()] ??= line.slice(at + 1).trim()
  }
  return found
}
const words = (text) => (text ?? '').replace(/\?=\s+=\?/g, '?==?').replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, how, data) => (how.toLowerCase() === 'b' ? Buffer.from(data, 'base64').toString() : printable(data.replaceAll('_', ' ')).toString()))
const printable = (text) => Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1')

function parameter(value, key) {
  const pieces = [...(value ?? '').matchAll(new RegExp(`;\\s*${key}(\\*\\d+)?(\\*)?="?([^";]*)"?`, 'gi'))]
  if (pieces.length === 0) return undefined
  const joined = pieces.map((p) => p[3]).join('')
  return pieces[0][2] ? decodeURIComponent(joined.replace(/^[^']*'[^']*'/, '')) : words(joined)
}

/** `{ headers, text, html, files: [{ name, type, bytes }] }` of a raw message. */
export function readMail(raw) {
  const out = { headers: headersOf(raw.split(/\r?\n\r?\n/, 1)[0]), text: '', html: '', files: [] }
  out.subject = words(out.headers.subject)
  walk(raw, out)
  return out
}
function walk(raw, out) {
  const cut = /\r?\n\r?\n/.exec(raw)
  const head = headersOf(raw.slice(0, cut?.index))
  const body = cut ? raw.slice(cut.index + cut[0].length) : ''
  const boundary = parameter(head['content-type'], 'boundary')
  if (/^multipart\//i.test(head['content-type'] ?? '') && boundary) {
    for (const part of body.split(`--${boundary}`).slice(1)) if (!part.startsWith('--')) walk(part.replace(/^\r?\n/, '').replace(/\r?\n$/, ''), out)
    return
  }
  const how = (head['content-transfer-encoding'] ?? '').toLowerCase()
  const bytes = how === 'base64' ? Buffer.from(body.replace(/\s/g, ''), 'base64') : how === 'quoted-printable' ? printable(body) : Buffer.from(body)
  const name = parameter(head['content-disposition'], 'filename') ?? parameter(head['content-type'], 'name')
  const type = (head['content-type'] ?? 'text/plain').split(';')[0].trim().toLowerCase()
  if (name || /^attachment/i.test(head['content-disposition'] ?? '')) out.files.push({ name, type, bytes })
  else if (type === 'text/html') out.html += bytes.toString()
  else out.text += bytes.toString()
}

/** A picture with something to see on it. */
export function png(width = 320, height = 200) {
  const rows = Buffer.alloc((width * 3 + 1) * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set([(x * 255) / width, (y * 255) / height, (x ^ y) & 128 ? 200 : 90], y * (width * 3 + 1) + 1 + x * 3)
  }
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length)
    body.copy(out, 4)
    out.writeUInt32BE(crc32(body), body.length + 4)
    return out
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
}
