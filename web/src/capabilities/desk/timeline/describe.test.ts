import { beforeAll, describe as suite, expect, it } from 'vitest'
import type { CaseEvent } from '@/api/types'
import { setLocale } from '@/i18n'
import { queryClient } from '@/queries'
import { describe } from './describe'

const event = (type: string, data: Record<string, unknown>, names: Record<string, string> = {}) =>
  ({ kind: 'event', position: '1', type, actor: { kind: 'person', id: 'per_1', name: 'Lin' }, at: '2026-11-20T00:00:00Z', data, names }) as CaseEvent

suite('UX-27: events say who, what, from what to what, and why', () => {
  beforeAll(() => setLocale('en'))
  it('names people and gives the reason', () => {
    const told = describe(event('case.assigned', { from_person: null, to_person: 'per_2', reason: 'least load' }, { per_2: 'Zhou' }))
    expect(told.text).toBe('Lin transferred it to Zhou')
    expect(told.reason).toContain('least load')
  })
  it('tells old and new in words', () => {
    expect(describe(event('case.edited', { field: 'priority', from: 'normal', to: 'high' })).text).toBe('Lin changed the priority from Normal to High')
  })
  it('calls a stage what the type of the case calls it', () => {
    const stage = (key: string, zh: string, en: string) => ({ key, name: { zh, en } })
    queryClient.setQueryData(['case-types'], [
      { key: 'request', fields: [], stages: [stage('inspecting', '核对', 'Checking')] },
      { key: 'parts_return', fields: [], stages: [stage('inspecting', '检验中', 'Inspecting'), stage('deciding', '方案与金额', 'Decision and amount')] },
    ])
    const moved = event('case.stage', { from: 'inspecting', to: 'deciding' })
    expect(describe(moved, 'parts_return').text).toBe('Lin changed the stage from Inspecting to Decision and amount')
    expect(describe(moved).text).toContain('from Checking to')
    expect(describe(event('case.stage', { from: 'gone_by', to: 'deciding' }), 'parts_return').text).toContain('from gone_by to')
  })
  it('still says something about an event it does not know', () => {
    expect(describe(event('case.brand_new', {})).text).toBe('Lin: brand new')
  })
})
