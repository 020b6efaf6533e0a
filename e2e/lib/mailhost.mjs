// A private mail host: Dovecot (IMAP, POP3, login for sending) and Postfix (SMTP in and out), on loopback ports, with
// mailboxes in a temporary folder. Both are the real Debian programs; nothing of the machine's own mail set-up is touched.
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, isRoot, run, start, tailOf, tempDir, until, which, atEnd } from './proc.mjs'
import { Skip } from './runner.mjs'
import { makeCertificates } from './tls.mjs'
import { speaks } from './smtp.mjs'

const MAIL_ID = 8 // Debian's user `mail` owns the mailboxes

/**
 * `users`: addresses with a mailbox, all with the password `password`.
 * Recipients at `refuse.example` get 550, at `defer.example` 451 until `accept('defer.example')`; at `later.example` mail is
 * accepted and bounced afterwards. `introspection`: a URL that tells whose an OAuth token is; XOAUTH2 is offered then.
 */
export async function startMailHost({ users, password = 'mail-pass-9', introspection }) {
  for (const [program, debian] of [['dovecot', 'dovecot-imapd dovecot-pop3d'], ['postfix', 'postfix'], ['openssl', 'openssl']]) {
    if (!which(program)) throw new Skip(`${program} is not installed (Debian packages: ${debian})`)
  }
  if (!isRoot) throw new Skip('Postfix must be started by root: run this as root or through sudo')
  const dir = tempDir('mail')
  const tls = makeCertificates(dir)
  const ports = { imap: await freePort(), imaps: await freePort(), pop3: await freePort(), pop3s: await freePort(), auth: await freePort(), smtp: await freePort() }
  const boxes = join(dir, 'boxes')
  mkdirSync(boxes)
  chownSync(boxes, MAIL_ID, MAIL_ID)
  const dovecot = makeDovecot(dir, tls, ports, users, password, boxes, introspection)
  const postfix = makePostfix(dir, tls, ports, users, boxes)
  await dovecot.start()
  await postfix.start()
  return {
    dir, ports, tls, password, users, dovecot, postfix,
    /** Raw messages delivered to an address, oldest first. */
    mailbox(address) {
      const files = []
      for (const part of ['new', 'cur']) {
        const folder = join(boxes, address, part)
        if (existsSync(folder)) files.push(...readdirSync(folder).map((f) => [f, join(folder, f)]))
      }
      return files.sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, path]) => readFileSync(path, 'utf8'))
    },
    logs: () => [dovecot.log, postfix.log].map((log) => `--- ${log}\n${tailOf(log)}`).join('\n'),
    async stop() {
      await postfix.stop()
      await dovecot.stop()
    },
  }
}

function makeDovecot(dir, tls, ports, users, password, boxes, introspection) {
  const base = join(dir, 'dovecot')
  mkdirSync(base)
  const [conf, passwd, log] = [join(base, 'dovecot.conf'), join(base, 'passwd'), join(dir, 'dovecot.log')]
  writeFileSync(passwd, users.map((u) => `${u}:{PLAIN}${password}:${MAIL_ID}:${MAIL_ID}::${boxes}/${u}::\n`).join(''))
  chmodSync(passwd, 0o644)
  writeFileSync(log, '')
  const oauth = join(base, 'oauth2.conf')
  if (introspection) writeFileSync(oauth, `introspection_mode = post\nintrospection_url = ${introspection}\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n`)
  writeFileSync(conf, `
base_dir = ${base}/run
state_dir = ${base}/state
log_path = ${log}
auth_verbose = yes
protocols = imap pop3
listen = 127.0.0.1
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:${boxes}/%u
auth_mechanisms = plain login${introspection ? ' xoauth2' : ''}
disable_plaintext_auth = no
ssl = yes
ssl_cert = <${tls.cert}
ssl_key = <${tls.key}
login_trusted_networks = 127.0.0.0/8
mail_max_userip_connections = 100
namespace inbox {
  inbox = yes
  separator = /
}
${introspection ? `passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = ${oauth}
}
` : ''}passdb {
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u ${passwd}
}
userdb {
  driver = passwd-file
  args = username_format=%u ${passwd}
}
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3}
  }
  inet_listener pop3s {
    port = ${ports.pop3s}
    ssl = yes
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = ${ports.auth}
  }
}
service stats {
  chroot =
}
`)
  const doveadm = (...args) => run('doveadm', ['-c', conf, ...args])
  let server
  return {
    conf, log, doveadm,
    async start() {
      server = start(which('dovecot'), ['-F', '-c', conf], { log })
      await until('Dovecot greets', () => speaks(ports.imap, /OK/), { process: server })
    },
    /** Ends every connection at once, as a crash of the mail host would. */
    async stop() {
      await server?.stop('SIGTERM')
    },
    kick: (user) => doveadm('kick', user),
    /** What a restored or migrated mailbox does to everyone who remembers UIDs. */
    changeUidValidity(user, value = Math.floor(Date.now() / 1000) + 1000) {
      doveadm('mailbox', 'update', '-u', user, '--uid-validity', String(value), 'INBOX')
      return value
    },
    status: (user) => doveadm('mailbox', 'status', '-u', user, 'messages unseen uidvalidity uidnext', 'INBOX').trim(),
    expunge: (user) => doveadm('expunge', '-u', user, 'mailbox', 'INBOX', 'ALL'),
  }
}

function makePostfix(dir, tls, ports, users, boxes) {
  const base = join(dir, 'postfix')
  const [conf, queue, data] = ['conf', 'queue', 'data'].map((d) => join(base, d))
  for (const d of [base, conf, queue, data]) mkdirSync(d)
  const uid = Number(run('id', ['-u', 'postfix']).trim())
  chownSync(data, uid, Number(run('id', ['-g', 'postfix']).trim()))
  const log = join(dir, 'postfix.log')
  const file = (name, text) => writeFileSync(join(conf, name), text)
  const domains = [...new Set(users.map((u) => u.split('@')[1]))]
  file('mailboxes', users.map((u) => `${u} ${u}/\n`).join(''))
  const access = { 'refuse.example': '550 5.1.1 There is no such person here', 'defer.example': '451 4.3.0 Come back later' }
  const writeAccess = () => file('access', Object.entries(access).map(([k, v]) => `${k} ${v}\n`).join(''))
  writeAccess()
  // Sent on to itself the host sees a loop and gives up, after it has taken the message.
  file('transport', `later.example smtp:[127.0.0.1]:${ports.smtp}\n`)
  file('main.cf', `
compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
command_directory = /usr/sbin
daemon_directory = ${existsSync('/usr/lib/postfix/sbin') ? '/usr/lib/postfix/sbin' : '/usr/libexec/postfix'}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.test.example
mydomain = test.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
maillog_file = ${log}
maillog_file_prefixes = ${dir}
alias_maps =
alias_database =
local_transport = error:no local mail
relay_domains = refuse.example, defer.example, later.example
relay_transport = discard
transport_maps = texthash:${conf}/transport
virtual_mailbox_domains = ${domains.join(', ')}
virtual_mailbox_base = ${boxes}
virtual_mailbox_maps = texthash:${conf}/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:${MAIL_ID}
virtual_gid_maps = static:${MAIL_ID}
smtpd_recipient_restrictions = check_recipient_access texthash:${conf}/access, permit_sasl_authenticated, reject_unauth_destination
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${ports.auth}
smtpd_tls_security_level = may
smtpd_tls_auth_only = no
smtpd_tls_cert_file = ${tls.cert}
smtpd_tls_key_file = ${tls.key}
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 10000
smtputf8_enable = yes
message_size_limit = 60000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
default_process_limit = 20
`)
  file('master.cf', `
127.0.0.1:${ports.smtp} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`)
  let server
  const running = { log, conf }
  running.start = async () => {
    server = start(which('postfix'), ['-c', conf, 'start-fg'], { log: `${log}.start` })
    atEnd(() => {
      try {
        run('postfix', ['-c', conf, 'abort'])
      } catch {
        // it has ended already
      }
    })
    await until('Postfix greets', () => speaks(ports.smtp, /^220/), { process: server })
  }
  running.stop = async () => {
    try {
      run('postfix', ['-c', conf, 'stop'])
    } catch {
      // it has ended already
    }
    await server?.stop()
  }
  /** Processes that talked to a Dovecot that has gone keep its dead line once; new ones do not. */
  running.reload = () => run('postfix', ['-c', conf, 'reload'])
  /** What the host says to a domain's recipients from now on; `null` accepts them. */
  running.answer = (domain, reply) => {
    if (reply) access[domain] = reply
    else access[domain] = 'OK'
    writeAccess()
    running.reload()
  }
  return running
}
