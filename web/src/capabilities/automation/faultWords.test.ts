import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import ZH from './faults.zh.json'
import { faultText } from './faultWords'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')
const rust = (folder: string, only: RegExp = /\.rs$/) => readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter((file) => only.test(file) && !file.endsWith('cli.rs')).map((file) => join(ROOT, folder, file))
const FILES = [...rust('engines/rules/src'), ...rust('engines/forms/src'), ...rust('engines/stages/src'), ...rust('capabilities/packs/src'), ...rust('capabilities/casework/src', /(pack_\w+|type_try|type_change)\.rs$/), ...rust('capabilities/identity/src', /pack_\w+\.rs$/), ...rust('capabilities/service_levels/src', /(pack_\w+|levels|policies|ladder)\.rs$/), ...rust('capabilities/automation/src', /(input|pack_rules)\.rs$/),
  ...rust('capabilities/complaints/src', /(pack_\w+|category|region|signal|care_plan|settings|items|grade)\.rs$/), ...rust('capabilities/reviews/src', /(pack_\w+|def|amount)\.rs$/), ...rust('capabilities/warnings/src', /(pack_\w+|threshold)\.rs$/), ...rust('engines/worktime/src', /(budget|calendar|holidays|node|parse|span|spec|zone)\.rs$/), ...rust('platform/web/src', /(^pack|pack\/toml)\.rs$/)]
/** Every sentence there is what a check says. */
const WORDS = ['platform/web/src/pack/toml/words.rs', 'capabilities/casework/src/type_answers.rs'].map((file) => join(ROOT, file))

/** The sentences given to what makes a fault; `{}` where something varies. */
function sentences(source: string): string[] {
  const code = (source.split('#[cfg(test)]')[0] ?? '').replace(/^\s*\/\/.*$/gm, '')
  const out: string[] = []
  for (const call of code.matchAll(/(?:Fault::new|\bfault|\.add|\bwrong|\btell|\.note)\(/g)) {
    let [at, depth, quoted] = [call.index + call[0].length, 1, false]
    const start = at
    for (; at < code.length && depth > 0; at += 1) {
      const c = code[at]
      if (quoted) {
        if (c === '\\') at += 1
        else if (c === '"') quoted = false
      } else if (c === '"') quoted = true
      else if (c === '(') depth += 1
      else if (c === ')') depth -= 1
    }
    out.push(...quotedIn(code.slice(start, at)))
  }
  return out
}

/** What stands in quotes and is a sentence. */
function quotedIn(code: string): string[] {
  return [...code.matchAll(/"((?:[^"\\]|\\.)*)"/g)]
    .map(([, text = '']) => text.replaceAll('\\"', '"').replaceAll('\\\\', '\\').replaceAll('{{', '«').replaceAll('}}', '»').replace(/\{[^}]*\}/g, '{}').replaceAll('«', '{').replaceAll('»', '}'))
    // Examples of TOML and code are the same in every language; statements of the database and words of serde are shown to nobody.
    .filter((plain) => /[a-z]{2,} [a-z]{2,}/.test(plain) && !/^[\w.]+ = |^title = |\\[nt]|^(SELECT|UPDATE|INSERT|DELETE)|^(unknown|invalid|duplicate|missing) (field|variant|type|value|length)|^(data did not match any variant|floating point( number)?|borrowed string) ?$/.test(plain))
}

/** The same for a file all of whose sentences are told. */
const allQuoted = (source: string) => quotedIn((source.split('#[cfg(test)]')[0] ?? '').replace(/^\s*\/\/.*$/gm, ''))

describe('what checks say has words in Chinese', () => {
  beforeAll(() => setLocale('zh-CN'))
  it('every sentence of the engines and of packs', () => {
    const all = [...new Set([...FILES.flatMap((file) => sentences(readFileSync(file, 'utf8'))), ...WORDS.flatMap((file) => allQuoted(readFileSync(file, 'utf8')))])]
    expect(all.length).toBeGreaterThan(150)
    const open = all.filter((text) => !(text in ZH) && faultText(text.replaceAll('{}', '7')) === text.replaceAll('{}', '7'))
    expect(open).toEqual([])
  })
  it('why something stays when its pack is gone, from every capability', () => {
    const kept = rust('capabilities').flatMap((file) => allQuoted(readFileSync(file, 'utf8'))).filter((text) => /^the pack has (it|this \w+) no longer; [^{]+$/.test(text))
    expect(kept.length).toBeGreaterThan(10)
    expect(kept.filter((text) => faultText(text) === text)).toEqual([])
  })
  it('with what varies in its place, also where sentences nest', () => {
    expect(faultText('there is no field `titel`')).toBe('没有字段 `titel`')
    expect(faultText('there is no team `x`')).toBe('没有班组 `x`')
    expect(faultText('`stage[0].to[1]`: there is no stage `gone`')).toBe('`stage[0].to[1]`：没有环节 `gone`')
    expect(faultText('`personal` means nothing to a field of type money')).toBe('类型为 money 的字段用不到 `personal`')
    expect(faultText('nobody wrote this')).toBe('nobody wrote this')
    expect(faultText('`title`: the text "just text" does not belong here')).toBe('`title`：这里不该是文字 "just text"')
    expect(faultText('the number 7 does not belong here')).toBe('这里不该是数字 7')
    expect(faultText('yellow is reached at 10 and blue at 20')).toBe('yellow 的阈值为 10，而 blue 的阈值为 20')
    expect(faultText('the pack has it no longer; complaints name it, so it stays')).toBe('包里不再有；有投诉用到它，所以保留')
  })
})
