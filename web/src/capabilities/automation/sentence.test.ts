import { beforeAll, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import { sentence, type Names } from './sentence'

const NAMES: Names = {
  fieldName: (field) => ({ 'message.auto': '自动消息', priority: '优先级', title: '标题', age: '已受理时长', tag: '标签' })[field] ?? field,
  valueName: (_field, value) => ({ urgent: '紧急' })[value] ?? value,
}

describe('a condition as a person says it', () => {
  beforeAll(() => setLocale('zh-CN'))

  it('has names instead of keys and words instead of marks', () => {
    const said = sentence(
      {
        all: [
          { field: 'message.auto', op: 'ne', value: true },
          { field: 'priority', op: 'ne', value: 'urgent' },
          { any: [{ field: 'title', op: 'contains_any', value: ['12315', '12345', '工信部', '消协', '媒体'] }, { field: 'age', op: 'ge', value: '3wd' }] },
          { not: { field: 'tag', op: 'contains', value: '多次转派' } },
        ],
      },
      NAMES,
    )
    expect(said).toBe('自动消息：否 且 优先级 不是 紧急 且 （标题 包含任一 “12315”、“12345”、“工信部”、“消协”等 5 个 或 已受理时长 至少 3 个工作日） 且 标签 不包含 “多次转派”')
  })

  it('is one comparison without brackets, and nothing where nothing is compared', () => {
    expect(sentence({ all: [{ field: 'priority', op: 'eq', value: 'urgent' }] }, NAMES)).toBe('优先级 是 紧急')
    expect(sentence({ field: 'tag', op: 'empty' }, NAMES)).toBe('标签 为空')
  })
})
