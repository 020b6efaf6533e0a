/** What was pressed, in the notation of the map; null for a bare modifier or a dead key. */
export function pressed(event: KeyboardEvent): string | null {
  let key = event.key
  if (['Shift', 'Control', 'Meta', 'Alt', 'CapsLock', 'Dead', 'Process', 'Unidentified'].includes(key)) return null
  const mod = event.ctrlKey || event.metaKey
  // On a layout that writes other letters (Cyrillic, Greek), the place of the key tells which one is meant.
  if (key.length === 1 && key.charCodeAt(0) > 126 && /^Key[A-Z]$/.test(event.code)) key = event.code.slice(3)
  const letter = /^[a-z]$/i.test(key)
  const parts: string[] = []
  if (mod) parts.push('mod')
  if (event.altKey) parts.push('alt')
  // For signs such as ? the shift is already in the sign.
  if (event.shiftKey && (letter || key.length > 1)) parts.push('shift')
  parts.push(key === ' ' ? 'space' : key.toLowerCase())
  return parts.join('+')
}

/** True where typing belongs to the field: inputs and editors. Open menus and dialogs are layers and keep page keys out by themselves. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable) return true
  const tag = target.tagName
  if (tag === 'TEXTAREA' || tag === 'SELECT') return true
  if (tag === 'INPUT') {
    const type = (target as HTMLInputElement).type
    return !['checkbox', 'radio', 'button', 'submit', 'reset', 'range'].includes(type)
  }
  return target.closest('[role="textbox"]') !== null
}

/** Enter and Space on a focused control belong to that control. */
export function ownsEnter(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('button, a[href], summary, [role="tab"], [role="switch"], [role="checkbox"]') !== null
}

const MAC = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.platform)
const NAMES: Record<string, string> = {
  mod: MAC ? '⌘' : 'Ctrl',
  shift: MAC ? '⇧' : 'Shift',
  alt: MAC ? '⌥' : 'Alt',
  enter: MAC ? '↩' : 'Enter',
  escape: 'Esc',
  space: 'Space',
  arrowright: '→',
  arrowleft: '←',
  arrowup: '↑',
  arrowdown: '↓',
}

/** The caps to draw for a chord: `mod+shift+e` → ["Ctrl","Shift","E"]; a sequence gives one list per press. */
export function caps(keys: string): string[][] {
  return keys.split(' ').map((chord) => chord.split(/\+(?=.)/).map((part) => NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part)))
}
