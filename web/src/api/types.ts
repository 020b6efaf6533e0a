/** Shapes of `/api/v1`, as its description documents them. Ids are prefixed strings, times RFC 3339 in UTC. */

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface Ref {
  id: string
  name: string
}

/** A built-in's name in both languages. */
export interface LocalName {
  zh: string
  en: string
}

export type Priority = 'low' | 'normal' | 'high' | 'urgent'
export type Status = 'open' | 'waiting' | 'resolved' | 'closed'
export type PersonStatus = 'online' | 'busy' | 'away' | 'offline'
export type ClockKind = 'first_response' | 'next_response' | 'resolution'
export type ClockState = 'running' | 'paused' | 'warned' | 'breached' | 'met' | 'cancelled'

/** What a person set for themselves; unknown keys are kept. */
export interface Preferences {
  shortcuts?: boolean
  after_resolve?: 'next' | 'list' | 'stay'
  undo_seconds?: number
  enter_sends?: boolean
  density?: 'compact' | 'comfortable'
  theme?: 'system' | 'light' | 'dark'
  desktop_notices?: boolean
  [key: string]: unknown
}

export interface Viewer {
  person: {
    id: string
    name: string
    email: string
    locale: string
    time_zone: string
    status: PersonStatus
    preferences: Preferences
  }
  workspace: { id: string; name: string; time_zone: string }
  permissions: string[]
  teams: Ref[]
  org_unit: Ref | null
  mfa: { enrolled: boolean; required: boolean }
  /** Position of the log now; the live connection starts here. */
  position: string
}

export interface Participant {
  id: string
  name: string
  address_masked: string
  role: 'customer' | 'cc'
  verified: boolean
}

export interface Conversation {
  id: string
  channel: string
  inbox_id: string | null
  subject: string
  participants: Participant[]
}

export interface CaseLink {
  case_id: string
  number: string
  title: string
  kind: 'related' | 'duplicate' | 'parent' | 'child'
  status: Status
}

export interface Case {
  id: string
  number: string
  type: string
  title: string
  stage: string
  status: Status
  priority: Priority
  tags: string[]
  fields: Record<string, unknown>
  language: string | null
  channel: string
  inbox_id: string | null
  customer: Ref | null
  org_unit: Ref | null
  team: Ref | null
  assignee: Ref | null
  accountable: Ref | null
  watchers: Ref[]
  conversations: Conversation[]
  links: CaseLink[]
  merged_into: { id: string; number: string } | null
  /** Accountability offered to somebody who has not answered yet. */
  hand_over?: { id: string; from: Ref | null; to: Ref; reason: string; offered_by: Ref; offered_at: string; expires_at: string } | null
  snoozed_until: string | null
  opened_at: string
  first_response_at: string | null
  resolved_at: string | null
  closed_at: string | null
  closed_by: Ref | null
  resolution: { code: string; text: string | null } | null
  reopened_count: number
  version: number
  permissions: string[]
  /** The case that waits for this work order. */
  parent?: { id: string; number: string; title: string; status: Status } | null
  /** Its open work orders, oldest first. */
  waiting_for?: Waiting[]
  /** Asked for by whoever opened the work order. */
  due_at?: string | null
  reminders?: number
  reminded_at?: string | null
  co_handlers?: Ref[]
  review?: 'pending' | 'approved' | 'returned' | null
  loop?: LoopLeg[]
  verification?: Verification
}

export type LoopStep = 'accept' | 'handle' | 'review' | 'inform' | 'callback' | 'archive' | 'improve'

/** One step of the closed loop of a case; `seconds` as of the answer. */
export interface LoopLeg {
  step: LoopStep
  title: LocalName
  state: 'done' | 'current' | 'skipped' | 'ahead'
  entered_at: string | null
  left_at: string | null
  seconds: number
  visits: number
}

/** An open work order, as its parent sees it. */
export interface Waiting {
  case_id: string
  number: string
  title: string
  stage: string
  status: Status
  team: Ref | null
  org_unit: Ref | null
  assignee: Ref | null
  since: string
  seconds: number
  due_at: string | null
  reminders: number
  reminded_at: string | null
}

export type Way = 'customer' | 'signature' | 'callback' | 'reason'

export interface Verification {
  needed: boolean
  verified: boolean
  way: Way | null
  at: string | null
  ways: Way[]
  by_resolution: string[]
  findings: { id: string; way: Way; outcome: 'confirmed' | 'rejected' | 'unreachable'; text: string | null; message_id: string | null; name: string | null; has_signature: boolean; by: Ref | null; at: string; ended_at: string | null }[]
  requests: { id: string; way: Way; asked_by: Ref | null; asked_at: string; expires_at: string; answer: 'confirmed' | 'rejected' | null; answered_at: string | null }[]
}

export interface Undo {
  method: string
  path: string
  body: unknown
}

/** Every command on a case answers this. */
export interface CaseAnswer {
  case: Case
  undo: Undo | null
  position?: string
}

export interface Attachment {
  id: string
  name: string
  type: string
  size: number
  inline?: boolean
}

export type MessageState = 'received' | 'queued' | 'sending' | 'sent' | 'deferred' | 'failed' | 'cancelled'

export interface Message {
  kind: 'message'
  id: string
  conversation_id: string
  direction: 'in' | 'out' | 'note'
  author: { kind: 'person' | 'customer' | 'system'; id?: string; name: string }
  at: string
  subject: string | null
  text: string
  /** `text` is only the beginning; GET /messages/{id} has all of it. */
  cut?: boolean
  has_quote: boolean
  quoted?: string | null
  has_html: boolean
  remote_images: number
  to: string[]
  cc: string[]
  attachments: Attachment[]
  state: MessageState
  send_at?: string | null
  error?: string | null
  verified: boolean
  auto: string | null
  mentions: string[]
  /** `forward`, `bounce` …; null for an ordinary message. */
  form?: string | null
}

export interface CaseEvent {
  kind: 'event'
  position: string
  type: string
  actor: { kind: string; id?: string; name: string } | null
  at: string
  data: Record<string, unknown>
  /** Names of the people, teams and cases in `data`, by id. */
  names?: Record<string, unknown>
}

export type TimelineItem = Message | CaseEvent

export interface Recipient {
  name?: string
  address?: string
  participant_id?: string
}

export interface Draft {
  text: string
  html?: string | null
  to?: Recipient[]
  cc?: Recipient[]
  bcc?: Recipient[]
  attachments?: Attachment[] | string[]
  /** Names and sizes of `attachments`. */
  files?: Attachment[]
  based_on?: string | null
  version?: number
  updated_at?: string
}

export type ComposerMode = 'reply' | 'note' | 'forward'

export type Condition =
  | { all: Condition[] }
  | { any: Condition[] }
  | { not: Condition }
  | { field: string; op: string; value?: unknown }

export interface View {
  id: string
  key?: string | null
  name: string
  owner: 'system' | 'person' | 'team'
  filter: Condition | null
  sort: string | null
  count: number
  capped: boolean
  team_id?: string | null
  version?: number
}

export interface ClockBrief {
  kind: AnyClockKind
  due_at: string | null
  state: ClockState
  remaining_s?: number | null
}

export interface CaseRow {
  case_id: string
  number: string
  title: string
  type: string
  stage: string
  status: Status
  priority: Priority
  tags: string[]
  customer: Ref | null
  channel: string
  inbox_id: string | null
  team: Ref | null
  assignee: Ref | null
  accountable: Ref | null
  org_unit: Ref | null
  last_message: { at: string; direction: 'in' | 'out' | 'note'; preview: string; author: string | null } | null
  messages: number
  unread: boolean
  clock: ClockBrief | null
  opened_at: string
  updated_at: string
  snoozed_until: string | null
  version: number
  snippet?: string
}

/** A promise of the organisation, or a time a regulation sets (`reg.<key>`). */
export type AnyClockKind = ClockKind | `reg.${string}`
export interface Clock {
  kind: AnyClockKind
  /** What sets the time, when a regulation does. */
  regulation?: { key: string; title: { zh: string; en: string }; regime: string; source: string } | null
  state: ClockState
  target: string
  started_at: string
  due_at: string | null
  paused_since: string | null
  met_at: string | null
  elapsed_s: number
  remaining_s: number | null
  fraction: number
  calendar: Ref | null
  service_level: Ref | null
  history: { at: string; due_at: string | null; why: string; target?: string | null }[]
}

export interface Identity {
  id: string
  kind: 'email' | 'phone'
  masked: string
  verified: boolean
  primary: boolean
}

export interface Customer {
  id: string
  name: string
  kind: 'person' | 'organisation'
  language: string | null
  region: string | null
  tier: string | null
  org_unit_id: string | null
  notes: string | null
  tags: string[]
  identities: Identity[]
  personal: { id_number_masked?: string | null; address_masked?: string | null }
  created_at: string
  version: number
  merged_into: string | null
}

export interface Directory {
  people: { id: string; name: string; pinyin: string; status: PersonStatus; team_ids: string[]; active: boolean }[]
  teams: { id: string; name: string; pinyin: string }[]
  org_units: { id: string; name: string; parent_id: string | null; kind: string }[]
  skills: string[]
}

export interface Notice {
  id: string
  /** See the kinds in `desk.notice.*`. */
  kind: string
  /** What it is about beside a case, by kind. */
  data?: { step?: number | string; of?: number; grade?: string; count?: number; limit?: number; title?: { zh: string; en: string }; review_id?: string; warning_id?: string; bulletin_id?: string; file_id?: string } | null
  case_id: string | null
  number: string | null
  title: string | null
  text: string | null
  at: string
  read_at: string | null
}

export interface Canned {
  id: string
  title: string
  shortcut: string
  text: string
  html?: string | null
  locale: string | null
  team_id?: string | null
  version: number
}

export interface Job {
  id: string
  kind: string
  state: 'running' | 'done' | 'cancelled'
  total: number
  done: number
  failed: { case_id: string; number: string; error: string | { code?: string; message?: string } }[]
  undoable: boolean
}

export interface Stage {
  key: string
  name: LocalName
  status: Status
  loop?: LoopStep
  help?: LocalName | null
  /** Fields that must be answered to go on. */
  require?: string[]
  to?: string[] | null
  who?: string[] | null
  enter?: string | null
  leave?: string | null
  review?: string | null
}

export interface CaseType {
  key: string
  name: LocalName
  stages: Stage[]
  fields: { key: string; name: LocalName; kind: 'text' | 'number' | 'date' | 'choice' | 'bool'; choices?: (string | { key: string; name: LocalName })[]; personal?: boolean }[]
  /** The whole form: sections, conditions, bounds. */
  form?: Form | null
  resolutions: { key: string; name: LocalName; is_reason?: boolean; aside?: boolean }[]
  verification?: Way[]
  /** Some end of it needs more than a resolution. */
  asks_verification?: boolean
  /** Who may put a case aside; empty: whoever may close it. */
  aside_by?: string[]
}

export type FieldKind =
  | 'text' | 'long_text' | 'number' | 'money' | 'date' | 'datetime' | 'choice' | 'multi_choice' | 'tree_choice' | 'person' | 'team' | 'org_unit' | 'customer' | 'case' | 'file'
  | 'phone' | 'email' | 'id_number' | 'plate' | 'yes_no' | 'rating' | 'table' | 'computed'

/** A text in one or both languages. */
export type FormWords = string | { zh: string; en: string }

export interface FormOption {
  key: string
  label: FormWords
  retired?: boolean
  option?: FormOption[]
}

export interface FormField {
  key: string
  type: FieldKind
  label: FormWords
  help?: FormWords
  required?: boolean
  personal?: boolean
  show_if?: Condition | null
  require_if?: Condition | null
  min?: number | string | null
  max?: number | string | null
  decimals?: number
  min_length?: number
  max_length?: number
  pattern?: string
  pattern_says?: FormWords
  unit?: FormWords
  currencies?: string[]
  option?: FormOption[]
  any_level?: boolean
  column?: FormField[]
  template?: FormWords
}

export interface Form {
  key: string
  version?: number
  title?: FormWords
  section: { key?: string; title?: FormWords; show_if?: Condition | null; field: FormField[] }[]
}

export interface Skill {
  skill: string
  level: number
}

export interface RoleGrant {
  role_id: string
  reach: 'workspace' | 'org_unit' | 'team' | 'own'
  org_unit_id?: string | null
  team_id?: string | null
}

export interface Person {
  id: string
  name: string
  email: string
  active: boolean
  locale: string
  time_zone: string
  org_unit_id: string | null
  teams: string[]
  skills: Skill[]
  languages: string[]
  capacity: number
  status: PersonStatus
  roles: RoleGrant[]
  mfa_enrolled: boolean
  last_seen_at: string | null
  version: number
}

export interface Team {
  id: string
  name: string
  org_unit_id: string | null
  skills: string[]
  members: string[]
  version: number
}

export interface OrgUnit {
  id: string
  name: string
  kind: 'company' | 'region' | 'branch' | 'department'
  parent_id: string | null
  region_code?: string | null
  version: number
}

export interface Role {
  id: string
  key?: string | null
  name: string | LocalName
  permissions: string[]
  built_in: boolean
  version: number
}

export interface PermissionInfo {
  code: string
  zh: string
  en: string
  group: string
}

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'

export interface WorkCalendar {
  id: string
  name: string
  title?: LocalName | null
  timezone: string
  week: Partial<Record<Weekday, string[]>>
  days: Record<string, string[]>
  holidays: string[]
  makeup_like: string | null
  version: number
}

export interface ServiceLevel {
  id: string
  name: string
  title?: LocalName | null
  active: boolean
  order: number
  match: Condition | null
  calendar_id: string
  targets: Partial<Record<ClockKind, string | Partial<Record<Priority, string>> | null>>
  warn_at: number
  pause_when: string[]
  version: number
}

export interface MailServer {
  protocol?: 'imap' | 'pop3'
  host: string
  port: number
  tls: 'tls' | 'starttls' | 'none'
  auth: 'password' | 'xoauth2' | 'none'
  user: string
  /** Only on the way in; absent keeps the stored one. */
  password?: string
  /** Only on the way out. */
  password_set?: boolean
  folder?: string
  /** What happens on the server to a mail that is stored here. */
  after_fetch?: 'seen' | 'nothing' | 'move' | 'delete'
  move_to?: string | null
  /** Which mails a new inbox takes in; `date`: those since `import_since`. */
  import_from?: 'now' | 'all' | 'date'
  import_since?: string | null
  /** Seconds between looks, 15–3600. */
  poll_seconds?: number | null
  /** The server delivers `name+anything@domain` to `name@domain`. */
  plus_address?: boolean
  allow_self_signed?: boolean
  /** PEM of a certificate authority trusted beside the system's. */
  ca_pem?: string | null
}

export interface Inbox {
  id: string
  name: string
  address: string
  kind: 'email'
  active: boolean
  team_id: string | null
  org_unit_id: string | null
  signature: string | null
  incoming: MailServer | null
  outgoing: MailServer | null
  health: { state: 'ok' | 'trouble' | 'off'; last_ok_at: string | null; error: string | null; side?: 'incoming' | 'outgoing' | null }
  default_language: string | null
  version: number
}

export interface Webhook {
  id: string
  name?: string
  url: string
  /** Kinds of events it hears of; empty: all. */
  kinds: string[]
  trouble?: string | null
  active: boolean
  version: number
  [key: string]: unknown
}

export interface Session {
  id: string
  current?: boolean
  created_at: string
  last_seen_at: string | null
  ip?: string | null
  user_agent?: string | null
}

export interface ApiToken {
  id: string
  name: string
  permissions: string[] | null
  created_at: string
  expires_at: string | null
  last_used_at: string | null
}
