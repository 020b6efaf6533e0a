// A certificate authority of our own, valid for the loopback address and one day.
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './proc.mjs'

/** Writes `ca.pem`, `cert.pem`, `key.pem` into `dir`; programs trust them through SSL_CERT_FILE=ca.pem. */
export function makeCertificates(dir) {
  const path = (name) => join(dir, name)
  const openssl = (...args) => run('openssl', args, { cwd: dir })
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=Shouwen test CA',
    '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign', '-keyout', path('ca.key'), '-out', path('ca.pem'))
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-keyout', path('key.pem'), '-out', path('request.pem'))
  writeFileSync(path('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
  openssl('x509', '-req', '-in', path('request.pem'), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '1',
    '-extfile', path('extensions'), '-out', path('cert.pem'))
  return { ca: path('ca.pem'), cert: path('cert.pem'), key: path('key.pem') }
}

/** Writes `NAME.pem` and `NAME.key` beside the authority in `dir`: a client called `commonName`. */
export function makeClientCertificate(dir, name, commonName) {
  const path = (file) => join(dir, file)
  const openssl = (...args) => run('openssl', args, { cwd: dir })
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${commonName}`, '-keyout', path(`${name}.key`), '-out', path('client-request.pem'))
  writeFileSync(path('client-extensions'), 'extendedKeyUsage=clientAuth\n')
  openssl('x509', '-req', '-in', path('client-request.pem'), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '1',
    '-extfile', path('client-extensions'), '-out', path(`${name}.pem`))
  chmodSync(path(`${name}.key`), 0o600)
  return { cert: path(`${name}.pem`), key: path(`${name}.key`) }
}
