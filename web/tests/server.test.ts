import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

/**
 * What the server can say to a person has words in both languages. The lists are read from the server's own sources, so that a new
 * code, reason or event without words fails here.
 */
const ROOT = join(import.meta.dirname, '..', '..')
const SRC = join(import.meta.dirname, '..', 'src')

function sources(rooms: string[]): { file: string; text: string }[] {
  return rooms.flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.rs') && !/(^|\/)(tests|benches|examples|testkit)\//.test(file))
      // Inline tests stand at the end of a file.
      .map((file) => ({ file: `${room}/${file}`, text: readFileSync(join(ROOT, room, file), 'utf8').split('#[cfg(test)]')[0] ?? '' })),
  )
}

type Tree = { [key: string]: string | Tree }
function words(locale: string): Set<string> {
  const out = new Set<string>()
  const walk = (tree: Tree, prefix: string) => {
    for (const [key, value] of Object.entries(tree)) typeof value === 'string' ? out.add(prefix + key) : walk(value, `${prefix}${key}.`)
  }
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(`${locale}.json`))) walk(JSON.parse(readFileSync(join(SRC, file), 'utf8')) as Tree, '')
  return out
}
const zh = words('zh-CN')
const en = words('en')
const wordless = (prefix: string, found: Iterable<string>) => [...new Set(found)].filter((key) => !zh.has(prefix + key) || !en.has(prefix + key)).sort()
const key = (text: string) => text.trim().toLowerCase().replace(/[^a-z0-9]+/g, '_')

describe('UX-50: what the server refuses has words', () => {
  /** What only a command line, or a program that reads the log, can meet. */
  const NOT_FOR_BROWSERS = /^(encoder|output|args|bench|restore|backup|migration|keys|audit|file|input|usage|data|train|learn|model|demo|config|listen|store_(open|version)|setup_needed|mail_quarantined|pack_folder|page|live_closed)(_|$)/
  const codes = sources(['capabilities', 'platform', 'channels', 'kernel', 'engines/worktime']).flatMap(({ text }) =>
    [
      /\b(?:Problem|Self)::new\(\s*[\w:]+,\s*"([a-z_]+(?:\.[a-z_]+)*)"/g,
      /\bFault::new\(\s*"([a-z_]+)"/g,
      /\bconflict\(\s*"([a-z_]+(?:\.[a-z_]+)*)"/g,
      /\.code\(\s*"([a-z_]+(?:\.[a-z_]+)*)"/g,
      /\bcode: "([a-z_]+\.[a-z_]+)"/g,
    ].flatMap((pattern) => [...text.matchAll(pattern)].map((match) => key(match[1] ?? ''))),
  )
  it('finds the codes', () => {
    expect(codes).toEqual(expect.arrayContaining(['version_conflict', 'message_newer_arrived', 'session_password_change_required', 'invitation_gone', 'not_found']))
  })
  it('every code has a text in both languages', () => {
    expect(wordless('problem.code.', codes.filter((code) => !NOT_FOR_BROWSERS.test(code)))).toEqual([])
  })
})

describe('UX-27: what the server notes in a timeline has words', () => {
  const rooms = sources(['capabilities/casework', 'capabilities/service_levels', 'capabilities/voice'])
  it('every reason has a text in both languages', () => {
    const reasons = rooms.flatMap(({ text }) =>
      [
        /\b(?:unsnooze|snooze|reopen|answer_for|set_to_work|move_to|skipped|start|replan|rechoose)\([^;{}]*?"([a-z][a-z _]*)"(?:\.to_owned\(\))?\)*\s*(?:\?|$|,\s*$|;|\{)/gm,
        /\breason: (?:Some\()?"([a-z][a-z _]*)"/g,
        /"reason": "([a-z][a-z _]*)"/g,
        /\.reason\.as_deref\(\)\.unwrap_or\("([a-z ]+)"\)/g,
        /\bwhy\.as_deref\(\)\.unwrap_or\("([a-z ]+)"\)/g,
        /=> Some\("([a-z]+(?: [a-z]+)+)"\)/g,
        /\bclock\.plan\([^;]*?"([a-z_]+)"\)/g,
      ].flatMap((pattern) => [...text.matchAll(pattern)].map((match) => key(match[1] ?? ''))),
    )
    expect(reasons).toEqual(expect.arrayContaining(['put_aside', 'first_to_answer', 'answered_first', 'the_customer_wrote', 'this_person_was_asked_lately', 'undo']))
    expect(wordless('desk.why.', reasons)).toEqual([])
  })
  it('every event that can stand there has a sentence in both languages', () => {
    const kinds = ['casework', 'service_levels', 'voice', 'routing'].flatMap((room) => [...readFileSync(join(ROOT, 'capabilities', room, 'events.rs'), 'utf8').matchAll(/^\s*"((?:case|clock|survey|routing)\.[a-z_]+)" =>/gm)].map((match) => match[1] ?? ''))
    expect(kinds).toContain('case.assigned')
    // Told by the messages themselves.
    const told = kinds.filter((kind) => kind !== 'case.message_added' && kind !== 'case.message_state').map((kind) => kind.replace(/^case\./, '').replaceAll('.', '_'))
    expect(wordless('desk.event.', told)).toEqual([])
  })
})

describe('UX-89: what a role may do has words', () => {
  it('every group of permissions has a name in both languages', () => {
    const groups = sources(['capabilities', 'channels', 'platform']).flatMap(({ text }) => [...text.matchAll(/\b[A-Z]\w+ = "([a-z_]+)\.[a-z_]+", "[^"]+", "[^"]+";/g)].map((match) => match[1] ?? ''))
    expect(groups).toEqual(expect.arrayContaining(['case', 'pack', 'review', 'crisis']))
    expect(wordless('identity.roles.group.', groups)).toEqual([])
  })
})

describe('UX-89: what the audit log notes has words', () => {
  it('every thing and every deed has a name in both languages', () => {
    const deeds = sources(['capabilities', 'channels', 'platform', 'app/src']).flatMap(({ text }) => [...text.matchAll(/\.audit\([^"]{0,80}"([a-z_]+)\.([a-z_.]+)"/g)].map((match) => [match[1] ?? '', match[2] ?? ''] as const))
    expect(deeds.map((deed) => deed.join('.'))).toEqual(expect.arrayContaining(['case.read', 'session.created', 'pack.installed']))
    expect(wordless('audit.noun.', deeds.map(([thing]) => thing).filter((thing) => thing !== 'test'))).toEqual([])
    expect(wordless('audit.verb.', deeds.map(([, verb]) => verb))).toEqual([])
  })
})
