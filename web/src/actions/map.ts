/**
 * Every action of the desk and the keys hands may use for it. Rules (tested): no Alt+letter, no key browsers own, single keys never
 * in fields or while an input method composes. A person may remap any of them or turn single keys off.
 * Notation: `mod` is Ctrl, or ⌘ on a Mac; a space separates keys pressed one after another.
 */
export interface ActionDef {
  id: string
  group: 'general' | 'go' | 'list' | 'case' | 'tabs' | 'board' | 'composer' | 'panes'
  keys: string[]
  /** Left out of the palette: it only makes sense as a key. */
  keyOnly?: boolean
}

export const ACTIONS: readonly ActionDef[] = [
  { id: 'palette', group: 'general', keys: ['mod+k'], keyOnly: true },
  { id: 'search', group: 'general', keys: ['/'] },
  { id: 'help', group: 'general', keys: ['?'] },
  { id: 'undo', group: 'general', keys: ['z', 'mod+z'] },
  { id: 'new_case', group: 'general', keys: ['c'] },
  { id: 'notices', group: 'general', keys: ['g n'] },
  { id: 'theme', group: 'general', keys: [] },
  { id: 'density', group: 'general', keys: [] },
  { id: 'language', group: 'general', keys: [] },
  { id: 'status_online', group: 'general', keys: [] },
  { id: 'status_busy', group: 'general', keys: [] },
  { id: 'status_away', group: 'general', keys: [] },
  { id: 'logout', group: 'general', keys: [] },

  { id: 'go_inbox', group: 'go', keys: ['g i'] },
  { id: 'go_customers', group: 'go', keys: ['g c'] },
  { id: 'go_board', group: 'go', keys: ['g d'] },
  { id: 'go_stages', group: 'go', keys: ['g b'] },
  { id: 'go_accountable', group: 'go', keys: ['g a'] },
  { id: 'go_wall', group: 'go', keys: ['g w'] },
  { id: 'go_reviews', group: 'go', keys: ['g r'] },
  { id: 'go_complaints', group: 'go', keys: ['g t'] },
  { id: 'go_warnings', group: 'go', keys: ['g e'] },
  { id: 'go_settings', group: 'go', keys: ['g s'] },
  { id: 'go_profile', group: 'go', keys: ['g p'] },

  { id: 'next', group: 'list', keys: ['j'], keyOnly: true },
  { id: 'previous', group: 'list', keys: ['k'], keyOnly: true },
  { id: 'open', group: 'list', keys: ['enter', 'o'], keyOnly: true },
  { id: 'back', group: 'list', keys: ['u', 'escape'], keyOnly: true },
  { id: 'select', group: 'list', keys: ['x'] },
  { id: 'select_all', group: 'list', keys: ['* a'] },
  { id: 'select_none', group: 'list', keys: ['* n'] },
  { id: 'save_view', group: 'list', keys: [] },

  { id: 'reply', group: 'case', keys: ['r'] },
  { id: 'note', group: 'case', keys: ['n'] },
  { id: 'forward', group: 'case', keys: ['f'] },
  { id: 'resolve', group: 'case', keys: ['e'] },
  { id: 'resolve_next', group: 'case', keys: ['shift+e'] },
  { id: 'close', group: 'case', keys: [] },
  { id: 'snooze', group: 'case', keys: ['s'] },
  { id: 'assign', group: 'case', keys: ['a'] },
  { id: 'assign_me', group: 'case', keys: ['i'] },
  { id: 'assign_team', group: 'case', keys: [] },
  { id: 'tags', group: 'case', keys: ['t'] },
  { id: 'priority', group: 'case', keys: ['p'] },
  { id: 'macro', group: 'case', keys: ['m'] },
  { id: 'canned', group: 'case', keys: [] },
  { id: 'move', group: 'case', keys: ['v'] },
  { id: 'details', group: 'case', keys: ['d'] },
  { id: 'work_order', group: 'case', keys: ['w'] },
  { id: 'verify', group: 'case', keys: ['y'] },
  { id: 'remind', group: 'case', keys: ['b'] },
  { id: 'accountable', group: 'case', keys: ['h'] },
  { id: 'co_handlers', group: 'case', keys: [] },
  { id: 'retype', group: 'case', keys: [] },
  { id: 'watch', group: 'case', keys: [] },
  { id: 'watchers', group: 'case', keys: [] },
  { id: 'merge', group: 'case', keys: [] },
  { id: 'split', group: 'case', keys: [] },
  { id: 'link', group: 'case', keys: [] },
  { id: 'copy', group: 'case', keys: ['.'] },

  { id: 'tab_next', group: 'tabs', keys: ['shift+arrowright'] },
  { id: 'tab_previous', group: 'tabs', keys: ['shift+arrowleft'] },
  { id: 'tab_close', group: 'tabs', keys: ['shift+w'] },
  { id: 'tab_pin', group: 'tabs', keys: ['shift+p'] },
  { id: 'tab_reopen', group: 'tabs', keys: ['shift+t'] },

  { id: 'card_move', group: 'board', keys: ['arrowup', 'arrowdown', 'arrowleft', 'arrowright'], keyOnly: true },
  { id: 'card_back', group: 'board', keys: ['<'], keyOnly: true },
  { id: 'card_on', group: 'board', keys: ['>'], keyOnly: true },
  { id: 'board_filter', group: 'board', keys: ['shift+f'] },
  { id: 'board_table', group: 'board', keys: ['shift+v'] },

  { id: 'send', group: 'composer', keys: ['mod+enter'], keyOnly: true },
  { id: 'send_resolve', group: 'composer', keys: ['mod+shift+enter'], keyOnly: true },
  { id: 'leave_composer', group: 'composer', keys: ['escape'], keyOnly: true },
  { id: 'type_snippet', group: 'composer', keys: ['/'], keyOnly: true },
  { id: 'type_mention', group: 'composer', keys: ['@'], keyOnly: true },
  { id: 'type_link', group: 'composer', keys: ['#'], keyOnly: true },

  { id: 'pane_left', group: 'panes', keys: ['['] },
  { id: 'pane_right', group: 'panes', keys: [']'] },
]

export const GROUPS = ['general', 'go', 'list', 'case', 'tabs', 'board', 'composer', 'panes'] as const
