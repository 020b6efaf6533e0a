import type { Case, Way } from '@/api/types'

/** What somebody found out about an end, or whom to ask: the answers of the form. */
export interface Found {
  /** `link`, `sign`: the customer is asked by mail. */
  way: Exclude<Way, 'signature'> | 'link' | 'sign'
  outcome: 'confirmed' | 'rejected' | 'unreachable'
  text: string
  message: string | null
}
export const blank = (of: Case, recordOnly = false): Found => {
  const ways = of.verification?.ways ?? []
  const way: Found['way'] = !recordOnly && ways.includes('customer') ? 'link' : ways.includes('callback') ? 'callback' : ways.includes('reason') ? 'reason' : ways.includes('customer') ? 'customer' : 'reason'
  return { way, outcome: 'confirmed', text: '', message: null }
}
/** The body of `POST /cases/{id}/verification`. */
export const bodyOf = (found: Found) => ({
  way: found.way,
  ...(found.way === 'reason' ? {} : { outcome: found.outcome }),
  ...(found.text.trim() ? { text: found.text.trim() } : {}),
  ...(found.way === 'customer' && found.message ? { message_id: found.message } : {}),
})
/** Whether it can be sent; the server says the rest. */
export const whole = (found: Found): boolean => (found.way === 'reason' ? found.text.trim().length >= 4 : found.way === 'customer' ? found.message !== null : true)
