// What is in letters that lie in a mailbox.

/** The first match of `pattern` in any of `mails`, looked for in plain, quoted-printable and base64 parts; the newest letter first. */
export function linkIn(mails, pattern) {
  for (const mail of [...mails].reverse()) {
    const parts = [mail, ...mail.split(/\r?\n\r?\n/).map((part) => Buffer.from(part.replace(/\s/g, ''), 'base64').toString())]
    for (const part of parts) {
      const found = pattern.exec(part.replace(/=\r?\n/g, ''))
      if (found) return found[0]
    }
  }
  return null
}
