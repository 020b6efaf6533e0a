import type { Case, Participant, Recipient } from '@/api/types'

const ADDRESS = /^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;"]+$/

/** "Name <a@b.c>" or "a@b.c"; null when it is no address. */
export function parseRecipient(input: string): Recipient | null {
  const text = input.trim().replace(/[,;，；]$/, '')
  const named = /^"?([^"<]*?)"?\s*<([^>]+)>$/.exec(text)
  const address = (named?.[2] ?? text).trim()
  if (!ADDRESS.test(address)) return null
  const name = named?.[1]?.trim()
  return name ? { name, address } : { address }
}

export function splitRecipients(input: string): { good: Recipient[]; bad: string[] } {
  const good: Recipient[] = []
  const bad: string[] = []
  for (const part of input.split(/[,;，；\n]+/)) {
    if (part.trim() === '') continue
    const found = parseRecipient(part)
    if (found) good.push(found)
    else bad.push(part.trim())
  }
  return { good, bad }
}

export const asRecipient = (participant: Participant): Recipient => ({ participant_id: participant.id, name: participant.name })

/** Whom a reply goes to unless changed: the customer in To, who was copied in Cc; never somebody nobody has accepted yet. */
export function defaultRecipients(found: Case, conversationId?: string): { to: Recipient[]; cc: Recipient[] } {
  const conversation = found.conversations.find((entry) => entry.id === conversationId) ?? found.conversations[found.conversations.length - 1]
  const people = conversation?.participants ?? []
  return {
    to: people.filter((person) => person.verified && person.role === 'customer').map(asRecipient),
    cc: people.filter((person) => person.verified && person.role === 'cc').map(asRecipient),
  }
}

export function recipientLabel(recipient: Recipient, found: Case): string {
  const participant = found.conversations.flatMap((entry) => entry.participants).find((person) => person.id === recipient.participant_id)
  if (participant) return participant.name && participant.name !== participant.address_masked ? `${participant.name} ${participant.address_masked}` : participant.address_masked
  return recipient.name ? `${recipient.name} <${recipient.address ?? ''}>` : (recipient.address ?? '')
}

/** Addresses typed by hand that belong to nobody in the conversation: shown with a warning before sending (UX-29). */
export function isNew(recipient: Recipient): boolean {
  return recipient.participant_id === undefined
}
