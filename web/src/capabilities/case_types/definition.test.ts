import { describe, expect, it } from 'vitest'
import { blankType, differences, dropStage, renameStage, tidy, type Definition } from './definition'
import { layout } from './graph'

const type = (): Definition => blankType('wish', { zh: '心愿', en: 'Wish' })

describe('a case type while it is written', () => {
  it('leaves out what is empty, but not what a condition compares with', () => {
    const draft = type()
    const first = draft.stage[0]
    if (!first) throw new Error('a stage')
    Object.assign(first, { help: { zh: '', en: '' }, require: [], who: undefined, enter: { all: [{ field: 'verified', op: 'eq', value: false }] }, review: '' })
    draft.form = { key: 'wish', section: [{ field: [{ key: 'a', type: 'yes_no', label: { zh: '甲', en: 'A' }, default: false, required: false, option: [] }] }] }
    const written = tidy(draft)
    expect(written.stage[0]).toEqual({ key: 'accepted', title: { zh: '已受理', en: 'Accepted' }, status: 'open', loop: 'accept', to: ['handling'], enter: { all: [{ field: 'verified', op: 'eq', value: false }] } })
    expect(written.stage.at(-1)?.to).toEqual([])
    expect(written.form?.section[0]?.field[0]).toEqual({ key: 'a', type: 'yes_no', label: { zh: '甲', en: 'A' }, default: false })
  })
  it('renames a stage wherever it stands, and takes its cases along', () => {
    const draft = type()
    renameStage(draft, 'handling', 'working_on', true)
    expect([draft.working, draft.stage[0]?.to, draft.moved]).toEqual(['working_on', ['working_on'], { handling: 'working_on' }])
    renameStage(draft, 'working_on', 'handling', false)
    expect(draft.moved).toEqual({})
    dropStage(draft, 'waiting_customer')
    expect(JSON.stringify(draft)).not.toContain('waiting_customer')
  })
  it('tells what differs between versions by what it is about', () => {
    const after = type()
    if (after.stage[1]) after.stage[1].title.zh = '办理中'
    after.resolution.push({ key: 'given', title: { zh: '已满足', en: 'Given' } })
    expect(differences(type(), after).map((change) => change.path)).toEqual(['stage[handling].title.zh', 'resolution[given]'])
  })
  it('is drawn by the steps of the loop', () => {
    const drawn = layout(type())
    expect(drawn.columns.map((column) => column.step)).toEqual(['accept', 'handle', 'callback', 'archive'])
    expect(drawn.boxes).toHaveLength(5)
    expect(drawn.edges.find((edge) => edge.from === 'confirming' && edge.to === 'handling')?.kind).toBe('back')
  })
})
