import { beforeAll, describe, expect, it } from 'vitest'
import { Problem } from '@/api/problem'
import { setLocale } from '@/i18n'
import { useDeed } from './useDeed'

const wrong = (field?: string) => new Problem({ status: 422, code: 'invalid', message: 'too small', field })

describe('a refusal stands where it belongs', () => {
  beforeAll(() => setLocale('en'))
  it('at its field, or at the part of the form that holds it', async () => {
    const deed = useDeed()
    deed.at('capacity')
    deed.at('skills')
    await deed.run(() => Promise.reject(wrong('skills[0].level')))
    expect([deed.at('skills'), deed.at('capacity'), deed.general.value]).toEqual([expect.stringContaining('too small'), undefined, ''])
  })
  it('above the form when no field shows it', async () => {
    const deed = useDeed()
    deed.at('capacity')
    await deed.run(() => Promise.reject(wrong('reach')))
    expect(deed.general.value).toContain('too small')
  })
  it('and is gone with the next try', async () => {
    const deed = useDeed()
    await deed.run(() => Promise.reject(wrong()))
    expect(await deed.run(() => Promise.resolve(7))).toBe(7)
    expect([deed.general.value, deed.busy.value]).toEqual(['', false])
  })
})
