// The mail host and the database by themselves: when this fails, no other journey means anything.
import { connect as connectTls } from 'node:tls'
import { connect } from 'node:net'
import { readFileSync } from 'node:fs'
import { PATIENCE, until } from '../lib/proc.mjs'
import { startMailHost } from '../lib/mailhost.mjs'
import { compose, deliver, proxyTo } from '../lib/smtp.mjs'
import { check, same, step } from '../lib/runner.mjs'

export default async function hosts() {
  const host = await startMailHost({ users: ['service@shop.example', 'li@customer.example'] })

  step('a message goes in by SMTP and lies in the mailbox', async () => {
    await deliver(host.ports.smtp, { from: 'li@customer.example', to: 'service@shop.example', raw: compose({ from: 'li@customer.example', to: 'service@shop.example', subject: '退款', text: '您好' }) })
    await until('it is delivered', () => host.mailbox('service@shop.example').length === 1)
    check(host.dovecot.status('service@shop.example').includes('messages=1'), 'Dovecot sees it', host.dovecot.status('service@shop.example'))
  })
  step('IMAP and POP3 over TLS let the user in with our certificate authority', async () => {
    for (const [port, greeting, login, ok] of [[host.ports.imaps, '* OK', `a LOGIN service@shop.example ${host.password}\r\n`, 'a OK'], [host.ports.pop3s, '+OK', 'USER service@shop.example\r\n', '+OK']]) {
      const talk = await new Promise((done, fail) => {
        const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(host.tls.ca) })
        let text = ''
        socket.on('data', (d) => {
          text += d
          if (text.startsWith(greeting) && text.split('\r\n').length === 2) socket.write(login)
          else if (text.split('\r\n').slice(1).join('').includes(ok)) (done(text), socket.destroy())
        })
        socket.on('error', fail)
        setTimeout(() => fail(new Error(`said only: ${text}`)), PATIENCE).unref()
      })
      check(talk, 'greeted')
    }
  })
  step('UIDVALIDITY changes when told to', async () => {
    const before = host.dovecot.status('service@shop.example')
    host.dovecot.changeUidValidity('service@shop.example')
    check(before !== host.dovecot.status('service@shop.example'), 'it changed', before)
  })
  step('refused with 550, deferred with 451, accepted again', async () => {
    const to = (address) => deliver(host.ports.smtp, { from: 'service@shop.example', to: address, raw: compose({ from: 'service@shop.example', to: address, text: 'x' }) })
    for (const [address, code] of [['a@refuse.example', '550'], ['a@defer.example', '451']]) {
      const said = await to(address).then(() => 'taken', (error) => error.message)
      check(said.includes(code), `${address} gets ${code}`, said)
    }
    host.postfix.answer('defer.example', null)
    await until('it is taken', () => to('a@defer.example').then(() => true, () => false))
  })
  step('what is refused after it was taken comes back as a report', async () => {
    const before = host.mailbox('service@shop.example').length
    await deliver(host.ports.smtp, { from: 'service@shop.example', to: 'x@later.example', raw: compose({ from: 'service@shop.example', to: 'x@later.example', text: 'x' }) })
    await until('the report arrives', () => host.mailbox('service@shop.example').length > before)
    check(/multipart\/report/.test(host.mailbox('service@shop.example').at(-1)), 'it is a delivery report')
  })
  step('the proxy breaks a connection after the bytes it was told', async () => {
    const proxy = await proxyTo(host.ports.imap)
    proxy.cutAfter = 10
    const got = await new Promise((done) => {
      let n = 0
      const socket = connect(proxy.port, '127.0.0.1')
      socket.on('data', (d) => (n += d.length))
      socket.on('error', () => {})
      socket.on('close', () => done(n))
    })
    same(got, 10, 'bytes before the break')
    proxy.close()
  })
  step('Dovecot comes back after a stop', async () => {
    await host.dovecot.stop()
    await host.dovecot.start()
    check(host.dovecot.status('service@shop.example').includes('messages='), 'it answers')
  })
  return async (counts) => {
    if (counts.failed) console.log(host.logs())
    await host.stop()
  }
}
