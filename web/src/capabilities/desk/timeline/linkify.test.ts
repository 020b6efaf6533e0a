import { describe, expect, it } from 'vitest'
import { linkify } from './linkify'

describe('links in text', () => {
  it('finds addresses and leaves punctuation outside', () => {
    expect(linkify('请看 https://example.com/a?b=1。谢谢')).toEqual([{ text: '请看 ' }, { text: 'https://example.com/a?b=1', href: 'https://example.com/a?b=1' }, { text: '。谢谢' }])
    expect(linkify('(see https://example.com).').map((p) => p.href)).toEqual([undefined, 'https://example.com', undefined])
  })
  it('never makes a link of anything but http', () => {
    expect(linkify('javascript:alert(1) data:text/html,x').some((p) => p.href)).toBe(false)
  })
})
