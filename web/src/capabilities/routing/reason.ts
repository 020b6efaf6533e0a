import { t } from '@/i18n'
import { languageName } from '@/i18n/language'

/**
 * Why automatic assignment chose somebody, or nobody. The server writes it down in the language of the organisation; a reader of another
 * language gets it in theirs. What is not recognised stays as it was written.
 */
const NOBODY: [RegExp, string, string[]][] = [
  [/^(?:班组没有成员|the team has no members)$/, 'no_members', []],
  [/^(?:(\d+) 名成员均不在线|none of (\d+) members is online)$/, 'nobody_online', ['n']],
  [/^(?:无人具备技能：(.+)|nobody present has the skill: (.+))$/, 'no_skill', ['skill']],
  [/^(?:(\d+) 人均已达接单上限|all (\d+) who could have reached their limit)$/, 'all_full', ['n']],
  [/^(?:没有合适的人|nobody fits)$/, 'nobody_fits', []],
]
const CHOSEN = [
  /^(?:技能 (?<skill>.+?)，)?(?:客户等级 (?<tier>.+?)，)?(?<region>属地优先，)?(?:语言 (?<language>[\w-]+)，)?负荷最低（(?<load>\d+)\/(?<limit>\d+)）$/,
  /^(?:skill (?<skill>.+?), )?(?:tier (?<tier>.+?), )?(?<region>same region, )?(?:language (?<language>[\w-]+), )?least busy \((?<load>\d+) of (?<limit>\d+)\)$/,
]

const HELPED = /^(?:支援“(?<team>.*)”（已等 (?<n>\d+) 分钟），|helping “(?<team_en>.*)” after (?<n_en>\d+) min, )(?<rest>.*)$/

export function routingReason(text: string): string | null {
  const helped = HELPED.exec(text)?.groups
  if (helped) {
    const rest = routingReason(helped.rest ?? '')
    return rest && t('routing.reason.helped', { team: helped.team ?? helped.team_en, n: helped.n ?? helped.n_en }) + t('routing.reason.and') + rest
  }
  for (const [pattern, name, places] of NOBODY) {
    const found = pattern.exec(text)
    if (found) return t(`routing.reason.${name}`, Object.fromEntries(places.map((place) => [place, found.slice(1).find((part) => part !== undefined)])))
  }
  for (const pattern of CHOSEN) {
    const part = pattern.exec(text)?.groups
    if (!part) continue
    return [
      part.skill ? t('routing.reason.skill', { skill: part.skill }) : '',
      part.tier ? t('routing.reason.tier', { tier: part.tier }) : '',
      part.region ? t('routing.reason.region') : '',
      part.language ? t('routing.reason.language', { language: languageName(part.language) }) : '',
      t('routing.reason.load', { load: part.load, limit: part.limit }),
    ]
      .filter(Boolean)
      .join(t('routing.reason.and'))
  }
  return null
}
