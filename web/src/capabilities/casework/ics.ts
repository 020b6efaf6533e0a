import { atWall } from '../desk/snooze'

/** What an invitation asks (RFC 5545), as far as somebody who answers mail needs it. Pure. */
export interface Invite {
  method: string
  summary: string
  location: string
  organizer: string
  /** RFC 3339, or a bare day `2026-11-23`; null when it names none that can be read. */
  start: string | null
  end: string | null
  allDay: boolean
}

interface Line {
  name: string
  params: Record<string, string>
  value: string
}

function lineOf(text: string): Line | null {
  const found = /^([A-Za-z-]+)((?:;[^:;="]+=(?:"[^"]*"|[^:;"]*)(?:,(?:"[^"]*"|[^:;"]*))*)*):(.*)$/s.exec(text)
  if (!found) return null
  const params: Record<string, string> = {}
  for (const part of (found[2] ?? '').matchAll(/;([^=;:]+)=("[^"]*"|[^;:]*)/g)) params[(part[1] ?? '').toUpperCase()] = (part[2] ?? '').replace(/^"|"$/g, '')
  return { name: (found[1] ?? '').toUpperCase(), params, value: found[3] ?? '' }
}
const unescape = (text: string) => text.replace(/\\([nN,;\\])/g, (_, sign: string) => (sign.toLowerCase() === 'n' ? '\n' : sign)).trim()

/** Names Outlook gives to zones that browsers know under another. */
const OUTLOOK: Record<string, string> = { 'China Standard Time': 'Asia/Shanghai', 'Taipei Standard Time': 'Asia/Taipei', 'Tokyo Standard Time': 'Asia/Tokyo', 'GMT Standard Time': 'Europe/London', 'W. Europe Standard Time': 'Europe/Berlin', 'Eastern Standard Time': 'America/New_York', 'Pacific Standard Time': 'America/Los_Angeles', UTC: 'UTC' }

function momentOf(line: Line | undefined, zone: string): { at: string | null; day: boolean } {
  const found = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?$/.exec(line?.value.trim() ?? '')
  if (!found) return { at: null, day: false }
  const [y, m, d, h, min] = found.slice(1, 6).map(Number) as [number, number, number, number, number]
  if (found[4] === undefined) return { at: `${found[1]}-${found[2]}-${found[3]}`, day: true }
  if (found[7]) return { at: new Date(Date.UTC(y, m - 1, d, h, min)).toISOString(), day: false }
  const named = (line?.params.TZID ?? '').replace(/^\//, '')
  for (const tz of [OUTLOOK[named] ?? named, zone].filter(Boolean)) {
    try {
      return { at: new Date(atWall(y, m, d, h, min, tz)).toISOString(), day: false }
    } catch {
      // A zone this browser does not know: the reader's own is the best guess.
    }
  }
  return { at: null, day: false }
}

/** The first event of a calendar file; null when there is none. `zone` stands in for times that name none. */
export function readInvite(text: string, zone: string): Invite | null {
  const lines = text.replace(/\r?\n[ \t]/g, '').split(/\r?\n/).map(lineOf).filter((line) => line !== null)
  const from = lines.findIndex((line) => line.name === 'BEGIN' && line.value.toUpperCase() === 'VEVENT')
  if (from < 0) return null
  const to = lines.findIndex((line, at) => at > from && line.name === 'END' && line.value.toUpperCase() === 'VEVENT')
  const event: Line[] = []
  // An alarm inside has lines of its own that say nothing about the event.
  let inside = 0
  for (const line of lines.slice(from + 1, to < 0 ? undefined : to)) {
    if (line.name === 'BEGIN') inside += 1
    else if (line.name === 'END') inside -= 1
    else if (inside === 0) event.push(line)
  }
  const get = (name: string) => event.find((line) => line.name === name)
  const start = momentOf(get('DTSTART'), zone)
  const organizer = get('ORGANIZER')
  return {
    method: (lines.find((line) => line.name === 'METHOD')?.value ?? '').trim().toUpperCase(),
    summary: unescape(get('SUMMARY')?.value ?? ''),
    location: unescape(get('LOCATION')?.value ?? ''),
    organizer: unescape(organizer?.params.CN ?? organizer?.value.replace(/^mailto:/i, '') ?? ''),
    start: start.at,
    end: momentOf(get('DTEND'), zone).at,
    allDay: start.day,
  }
}
