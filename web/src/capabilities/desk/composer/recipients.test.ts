import { describe, expect, it } from 'vitest'
import { parseRecipient, splitRecipients } from './recipients'

describe('recipients', () => {
  it('reads addresses with and without names', () => {
    expect(parseRecipient('li@example.com')).toEqual({ address: 'li@example.com' })
    expect(parseRecipient('"李 明" <li@example.com>')).toEqual({ name: '李 明', address: 'li@example.com' })
    expect(parseRecipient('no address')).toBeNull()
  })
  it('splits by Chinese and English marks and keeps what it cannot read', () => {
    expect(splitRecipients('a@example.com，b@example.com; what')).toEqual({ good: [{ address: 'a@example.com' }, { address: 'b@example.com' }], bad: ['what'] })
  })
})
