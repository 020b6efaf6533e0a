import { i18n } from '@/i18n'
import ZH from './faults.zh.json'

/** What checks of rules, forms, case types and packs say, in Chinese. The engines write English with what varies filled in; each pattern here is one of their sentences. */
const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
const patterns = Object.entries(ZH as Record<string, string>)
  // The sentence with the most fixed words wins: `there is no stage {}` before `there is no {} {}`.
  .sort(([a], [b]) => b.replaceAll('{}', '').length - a.replaceAll('{}', '').length)
  .map(([en, zh]) => ({ match: new RegExp(`^${en.split('{}').map(escape).join('(.*?)')}$`, 's'), zh }))
const exact = new Map(Object.entries(ZH as Record<string, string>).filter(([en]) => !en.includes('{}')))
/** Words that stand where something varies. */
const NAMES: Record<string, string> = { person: '人员', team: '班组', role: '角色', stage: '环节', status: '状态', priority: '优先级', 'case type': '工单类型', clock: '时钟', calendar: '日历', template: '模板', webhook: '接口', macro: '宏', grade: '级别', tag: '标签', category: '分类', rule: '规则', approved: '通过', returned: '退回', 'the end': '结尾', 'a number': '数字', 'a text': '文字' }

function inChinese(text: string, depth = 0): string {
  const whole = exact.get(text) ?? NAMES[text]
  if (whole !== undefined) return whole
  if (depth > 3) return text
  // `` `stage[0].to[1]`: there is no stage `x` ``: the place stays before what is wrong there.
  const placed = /^(`[^`]+`): (.+)$/s.exec(text)
  if (placed) return `${placed[1]}：${inChinese(placed[2] ?? '', depth + 1)}`
  for (const { match, zh } of patterns) {
    const found = match.exec(text)
    if (!found || found.length === 1) continue
    const parts = found.slice(1).map((part) => inChinese(part, depth + 1))
    let next = 0
    return zh.replace(/\{(\d?)\}/g, (_, n: string) => parts[n === '' ? next++ : Number(n)] ?? '')
  }
  return text
}

/** A sentence of a check in the reader's language; as the server wrote it where there are no words for it. */
export function faultText(text: string | null | undefined): string {
  if (!text) return ''
  return i18n.global.locale.value === 'zh-CN' ? inChinese(text) : text
}
