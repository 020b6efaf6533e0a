import { afterEach, expect, it } from 'vitest'
import { i18n } from '@/i18n'
import { bothOf, called, filled, isNamed } from './titles'

afterEach(() => (i18n.global.locale.value = 'zh-CN'))

it('calendars and levels are called what the reader reads', () => {
  const office = { name: '办公时间', title: { zh: '办公时间', en: 'Office hours' } }
  i18n.global.locale.value = 'en'
  expect(called(office)).toBe('Office hours')
  expect(called({ name: '办公时间' })).toBe('办公时间')
  i18n.global.locale.value = 'zh-CN'
  expect(called(office)).toBe('办公时间')
  expect(bothOf({ name: '门店', title: null })).toEqual({ zh: '门店', en: '门店' })
})
it('one language alone stands for both', () => {
  expect(filled({ zh: ' 门店 ', en: '' })).toEqual({ zh: '门店', en: '门店' })
  expect(isNamed({ zh: '', en: ' ' })).toBe(false)
})
