import { beforeEach, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import { actionName, eventName, factText, reasonText } from './reasons'
import type { Vocabulary } from './rules'

const vocabulary = { events: [{ name: 'case.opened', label: { zh: '工单受理', en: 'case opened' } }], actions: [{ name: 'tag', zh: '打标签', en: 'Tag', params: [] }] } as unknown as Vocabulary
const reason = { text: 'priority is urgent', words: { zh: '优先级 是 urgent', en: 'priority is urgent' }, fact: 'urgent' }

describe('why a rule fired', () => {
  beforeEach(() => setLocale('zh-CN'))

  it('is told in the language of whoever reads it', async () => {
    expect([reasonText(reason), eventName(vocabulary, 'case.opened'), actionName(vocabulary, { do: 'tag' }), factText(true), factText(['a', 'b'])]).toEqual(['优先级 是 urgent', '工单受理', '打标签', '是', 'a，b'])
    await setLocale('en')
    expect([reasonText(reason), eventName(vocabulary, 'case.opened'), actionName(vocabulary, { do: 'tag' }), factText(true), factText(['a', 'b'])]).toEqual(['priority is urgent', 'case opened', 'Tag', 'yes', 'a, b'])
  })

  it('shows what was found as a person reads it', () => {
    expect(factText(null)).toBe('—')
    expect(factText('2026-03-02T01:00:00Z')).not.toContain('T01')
    expect(factText('per_1', (id) => (id === 'per_1' ? '张晓明' : undefined))).toBe('张晓明')
    // What was logged before there were words stays readable.
    expect(reasonText({ text: 'title contains x', fact: 'x' })).toBe('title contains x')
  })
})
