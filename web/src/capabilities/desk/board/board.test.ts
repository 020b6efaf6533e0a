import { describe, expect, it } from 'vitest'
import { mergeColumns, moveCard, type Card, type Column } from './board'

const card = (id: string, stage: string) => ({ case_id: id, stage }) as Card
const column = (stage: string, ids: string[], next: string | null = null): Column => ({ stage, title: { zh: stage, en: stage }, status: 'open', loop: 'handle', count: ids.length, capped: false, items: ids.map((id) => card(id, stage)), next })
const shape = (columns: Column[]) => columns.map((one) => `${one.stage}:${one.items.map((item) => item.case_id).join('')}`)

describe('board', () => {
  it('keeps what was paged in, without a card in two columns', () => {
    const known = [column('a', ['1', '2', '3', '4'], 'x'), column('b', ['5'])]
    // 3 has gone to b; 4 is still below the first page of a.
    expect(shape(mergeColumns(known, [column('a', ['1', '2'], 'y'), column('b', ['3', '5'])]))).toEqual(['a:124', 'b:35'])
    expect(shape(mergeColumns(known, [column('a', ['1']), column('b', [])]))).toEqual(['a:1', 'b:'])
  })
  it('moves a card at once and counts it there', () => {
    const moved = moveCard([column('a', ['1', '2']), column('b', ['3'])], '2', 'b')
    expect(shape(moved)).toEqual(['a:1', 'b:23'])
    expect(moved.map((one) => one.count)).toEqual([1, 2])
    expect(moved[1]?.items[0]?.stage).toBe('b')
  })
  it('leaves things as they are when there is nowhere to go', () => {
    const columns = [column('a', ['1'])]
    expect(moveCard(columns, '1', 'z')).toBe(columns)
    expect(moveCard(columns, '9', 'a')).toBe(columns)
  })
})
