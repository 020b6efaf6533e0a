import type { MailServer } from '@/api/types'
import { atWall } from '../desk/snooze'

/** How an inbox reaches its servers: what a new one begins with, what is sent, and what is certainly wrong before it is sent. */
export const incoming = (): MailServer => ({
  protocol: 'imap', host: '', port: 993, tls: 'tls', auth: 'password', user: '', password: '', folder: 'INBOX',
  after_fetch: 'seen', move_to: '', import_from: 'now', import_since: null, poll_seconds: null, allow_self_signed: false, ca_pem: '',
})
export const outgoing = (): MailServer => ({ host: '', port: 465, tls: 'tls', auth: 'password', user: '', password: '', plus_address: false, allow_self_signed: false, ca_pem: '' })

/** The port a server of this kind usually listens on. */
export function usualPort(side: 'incoming' | 'outgoing', server: MailServer): number {
  if (side === 'outgoing') return server.tls === 'tls' ? 465 : server.tls === 'starttls' ? 587 : 25
  const imap = server.protocol !== 'pop3'
  return server.tls === 'tls' ? (imap ? 993 : 995) : imap ? 143 : 110
}

/** What may happen to a mail on the server once it is stored here. POP3 knows neither marks nor folders. */
export const endings = (server: MailServer) => (server.protocol === 'pop3' ? (['nothing', 'delete'] as const) : (['seen', 'nothing', 'move'] as const))

/** A form from what the server has; empty texts instead of nulls. */
export function formOf(blank: MailServer, row: MailServer | null): MailServer {
  const known = Object.fromEntries(Object.entries(row ?? {}).filter(([, value]) => value !== null && value !== undefined))
  return { ...blank, ...known, password: '' }
}

/** The request: a password that was not typed again stays the one the server keeps, and nothing is sent that its protocol does not know. */
export function bodyOf(side: 'incoming' | 'outgoing', form: MailServer): Partial<MailServer> {
  const { password, password_set: _, folder, move_to, import_since, poll_seconds, ca_pem, ...rest } = form
  const imap = side === 'incoming' && form.protocol !== 'pop3'
  return {
    ...rest,
    ...(password ? { password } : {}),
    ...(imap ? { folder: folder?.trim() || 'INBOX' } : {}),
    ...(imap && form.after_fetch === 'move' ? { move_to: move_to?.trim() } : {}),
    ...(side === 'incoming' && form.import_from === 'date' ? { import_since } : {}),
    ...(side === 'incoming' && poll_seconds ? { poll_seconds: Number(poll_seconds) } : {}),
    ...(ca_pem?.trim() ? { ca_pem: ca_pem.trim() } : {}),
  }
}

/** The beginning of a day in the reader's zone, as an instant. */
export const sinceDay = (day: string, zone: string): string | null => {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number)
  return year > 0 && month > 0 && date > 0 ? new Date(atWall(year, month, date, 0, 0, zone)).toISOString() : null
}

/** Field → key of what is wrong with it. The server looks again and knows more. */
export function faults(side: 'incoming' | 'outgoing', form: MailServer): Record<string, string> {
  const found: Record<string, string> = {}
  const wrong = (field: string, what: string) => (found[`${side}.${field}`] = `email.wrong.${what}`)
  const host = form.host.trim()
  if (host === '') wrong('host', 'host_empty')
  else if (host.includes('://') || host.includes('/')) wrong('host', 'host_address')
  else if (host.includes('@')) wrong('host', 'host_mail')
  else if (/^[^:[\]]+:\d+$/.test(host)) wrong('host', 'host_port')
  if (!Number.isInteger(form.port) || form.port < 1 || form.port > 65535) wrong('port', 'port')
  if (form.auth !== 'none' && form.user.trim() === '') wrong('user', 'user_empty')
  if (side === 'incoming') {
    const move = form.move_to?.trim() ?? ''
    if (form.protocol !== 'pop3' && form.after_fetch === 'move') {
      if (move === '') wrong('move_to', 'move_empty')
      else if (move === (form.folder?.trim() || 'INBOX')) wrong('move_to', 'move_same')
    }
    if (form.import_from === 'date' && !form.import_since) wrong('import_since', 'since_empty')
    const poll = form.poll_seconds
    if (poll && (poll < 15 || poll > 3600)) wrong('poll_seconds', 'poll')
  }
  const pem = form.ca_pem?.trim() ?? ''
  if (pem !== '' && !/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(pem)) wrong('ca_pem', 'pem')
  return found
}

/** Where the mail of well-known providers is read and sent; a domain of one's own is not among them. */
const PROVIDERS: [RegExp, string, string, number][] = [
  [/^(qq|foxmail)\.com$/, 'imap.qq.com', 'smtp.qq.com', 465],
  [/^163\.com$/, 'imap.163.com', 'smtp.163.com', 465],
  [/^126\.com$/, 'imap.126.com', 'smtp.126.com', 465],
  [/^aliyun\.com$/, 'imap.aliyun.com', 'smtp.aliyun.com', 465],
  [/^139\.com$/, 'imap.139.com', 'smtp.139.com', 465],
  [/^gmail\.com$/, 'imap.gmail.com', 'smtp.gmail.com', 465],
  [/^(outlook|hotmail|live)\.com$/, 'outlook.office365.com', 'smtp-mail.outlook.com', 587],
]
/** Both servers of an address, where its provider is known. */
export function serversOf(address: string): { incoming: Partial<MailServer>; outgoing: Partial<MailServer> } | null {
  const domain = address.trim().toLowerCase().split('@')[1] ?? ''
  const found = PROVIDERS.find(([pattern]) => pattern.test(domain))
  if (!found) return null
  const [, imap, smtp, port] = found
  return { incoming: { protocol: 'imap', host: imap, port: 993, tls: 'tls' }, outgoing: { host: smtp, port, tls: port === 465 ? 'tls' : 'starttls' } }
}
