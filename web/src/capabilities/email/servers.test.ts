import { describe, expect, it } from 'vitest'
import { bodyOf, endings, faults, formOf, incoming, outgoing, serversOf, sinceDay, usualPort } from './servers'

const imap = { ...incoming(), host: 'imap.example.com', user: 'a@example.com' }

describe('the servers of an inbox', () => {
  it('an untouched password is not sent, and what the protocol does not know is left out', () => {
    expect(bodyOf('incoming', { ...imap, password_set: true })).not.toHaveProperty('password')
    expect(bodyOf('incoming', { ...imap, password_set: true })).not.toHaveProperty('password_set')
    const pop = bodyOf('incoming', { ...imap, protocol: 'pop3', after_fetch: 'delete', move_to: 'x' })
    expect(pop).not.toHaveProperty('folder')
    expect(pop).not.toHaveProperty('move_to')
    expect(bodyOf('incoming', { ...imap, after_fetch: 'move', move_to: ' Archive ' })).toMatchObject({ after_fetch: 'move', move_to: 'Archive', folder: 'INBOX' })
    expect(bodyOf('incoming', { ...imap, import_since: '2026-01-01T00:00:00Z' })).not.toHaveProperty('import_since')
  })
  it('a form holds texts where the server has nothing', () => {
    expect(formOf(incoming(), { ...imap, ca_pem: null, move_to: null })).toMatchObject({ ca_pem: '', move_to: '', password: '' })
  })
  it('ports follow protocol and protection', () => {
    expect([usualPort('incoming', imap), usualPort('incoming', { ...imap, protocol: 'pop3' }), usualPort('incoming', { ...imap, tls: 'starttls' }), usualPort('outgoing', { ...outgoing(), tls: 'starttls' })]).toEqual([993, 995, 143, 587])
    expect(endings({ ...imap, protocol: 'pop3' })).toEqual(['nothing', 'delete'])
  })
  it('knows where well-known providers live, and guesses nothing else', () => {
    expect(serversOf(' Shop@QQ.com')).toMatchObject({ incoming: { host: 'imap.qq.com', port: 993, tls: 'tls' }, outgoing: { host: 'smtp.qq.com', port: 465, tls: 'tls' } })
    expect(serversOf('a@outlook.com')?.outgoing).toMatchObject({ port: 587, tls: 'starttls' })
    expect([serversOf('a@shop.example'), serversOf('qq.com'), serversOf('a@mail.qq.com.example')]).toEqual([null, null, null])
  })
  it('a day begins in the reader’s zone', () => {
    expect(sinceDay('2026-01-02', 'Asia/Shanghai')).toBe('2026-01-01T16:00:00.000Z')
    expect(sinceDay('', 'Asia/Shanghai')).toBeNull()
  })
  it.each([
    [{ host: '' }, 'incoming.host', 'host_empty'],
    [{ host: 'https://imap.example.com' }, 'incoming.host', 'host_address'],
    [{ host: 'a@example.com' }, 'incoming.host', 'host_mail'],
    [{ host: 'imap.example.com:993' }, 'incoming.host', 'host_port'],
    [{ port: 0 }, 'incoming.port', 'port'],
    [{ user: ' ' }, 'incoming.user', 'user_empty'],
    [{ after_fetch: 'move' as const }, 'incoming.move_to', 'move_empty'],
    [{ after_fetch: 'move' as const, move_to: 'INBOX' }, 'incoming.move_to', 'move_same'],
    [{ import_from: 'date' as const }, 'incoming.import_since', 'since_empty'],
    [{ poll_seconds: 5 }, 'incoming.poll_seconds', 'poll'],
    [{ ca_pem: 'hello' }, 'incoming.ca_pem', 'pem'],
  ])('says at the field what is wrong: %o', (change, field, what) => {
    expect(faults('incoming', { ...imap, ...change })).toEqual({ [field]: `email.wrong.${what}` })
  })
  it('finds nothing wrong where nothing is', () => {
    expect(faults('incoming', { ...imap, host: '[2001:db8::1]' })).toEqual({})
    expect(faults('outgoing', { ...outgoing(), host: 'relay.example.com', auth: 'none' })).toEqual({})
  })
})
