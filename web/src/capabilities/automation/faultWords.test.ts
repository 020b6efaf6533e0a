import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import ZH from './faults.zh.json'
import { faultText } from './faultWords'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')
const rust = (folder: string, only: RegExp = /\.rs$/) => readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter((file) => only.test(file) && !file.endsWith('cli.rs')).map((file) => join(ROOT, folder, file))
const FILES = [...rust('engines/rules/src'), ...rust('engines/forms/src'), ...rust('engines/stages/src'), ...rust('capabilities/packs/src'), ...rust('capabilities/casework/src', /(pack_\w+|type_try)\.rs$/), ...rust('capabilities/identity/src', /pack_\w+\.rs$/), ...rust('capabilities/service_levels/src', /(pack_\w+|levels|policies|ladder)\.rs$/), ...rust('capabilities/automation/src', /(input|pack_rules)\.rs$/)]

/** The sentences given to what makes a fault; `{}` where something varies. */
function sentences(source: string): string[] {
  const code = (source.split('#[cfg(test)]')[0] ?? '').replace(/^\s*\/\/.*$/gm, '')
  const out: string[] = []
  for (const call of code.matchAll(/(?:Fault::new|\bfault|\.add)\(/g)) {
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
    for (const [, text = ''] of code.slice(start, at).matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
      const plain = text.replaceAll('\\"', '"').replaceAll('{{', '«').replaceAll('}}', '»').replace(/\{[^}]*\}/g, '{}').replaceAll('«', '{').replaceAll('»', '}')
      // Examples of TOML and code are the same in every language.
      if (/[a-z]{2,} [a-z]{2,}/.test(plain) && !/^[\w.]+ = |^title = |\\[nt]/.test(plain)) out.push(plain)
    }
  }
  return out
}

describe('what checks say has words in Chinese', () => {
  beforeAll(() => setLocale('zh-CN'))
  it('every sentence of the engines and of packs', () => {
    const all = [...new Set(FILES.flatMap((file) => sentences(readFileSync(file, 'utf8'))))]
    expect(all.length).toBeGreaterThan(150)
    const open = all.filter((text) => !(text in ZH) && faultText(text.replaceAll('{}', '7')) === text.replaceAll('{}', '7'))
    expect(open).toEqual([])
  })
  it('with what varies in its place, also where sentences nest', () => {
    expect(faultText('there is no field `titel`')).toBe('没有字段 `titel`')
    expect(faultText('there is no team `x`')).toBe('没有班组 `x`')
    expect(faultText('`stage[0].to[1]`: there is no stage `gone`')).toBe('`stage[0].to[1]`：没有环节 `gone`')
    expect(faultText('`personal` means nothing to a field of type money')).toBe('类型为 money 的字段用不到 `personal`')
    expect(faultText('nobody wrote this')).toBe('nobody wrote this')
  })
})
