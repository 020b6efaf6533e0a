import { computed, onScopeDispose, shallowReactive } from 'vue'
import { ACTIONS } from './map'
import { isTyping, ownsEnter, pressed } from './keys'

export interface Handler {
  run: () => void
  /** Left out = always; false means: known, but not possible here and now. */
  when?: () => boolean
  /** Also while a field has the focus. Only for chords with mod. */
  inFields?: boolean
}

/** The last registered handler of an id is the one that runs, so a dialog can take a key over while it is open. */
const handlers = shallowReactive(new Map<string, Handler[]>())

/** Set from the person's preferences. */
export const keyOptions = shallowReactive<{ enabled: boolean; remap: Record<string, string[]> }>({ enabled: true, remap: {} })

export function keysFor(id: string): string[] {
  return keyOptions.remap[id] ?? ACTIONS.find((action) => action.id === id)?.keys ?? []
}

export function useActions(map: Record<string, Handler | (() => void)>): void {
  const added: [string, Handler][] = []
  for (const [id, value] of Object.entries(map)) {
    const handler = typeof value === 'function' ? { run: value } : value
    handlers.set(id, [...(handlers.get(id) ?? []), handler])
    added.push([id, handler])
  }
  onScopeDispose(() => {
    for (const [id, handler] of added) {
      const left = (handlers.get(id) ?? []).filter((other) => other !== handler)
      if (left.length > 0) handlers.set(id, left)
      else handlers.delete(id)
    }
  })
}

export function handlerOf(id: string): Handler | undefined {
  const list = handlers.get(id) ?? []
  return list[list.length - 1]
}

export function canRun(id: string): boolean {
  const handler = handlerOf(id)
  return handler !== undefined && (handler.when?.() ?? true)
}

/** Runs an action if it is possible now; says whether it did. */
export function runAction(id: string): boolean {
  if (!canRun(id)) return false
  handlerOf(id)?.run()
  return true
}

const byKeys = computed(() => {
  const found = new Map<string, string[]>()
  for (const action of ACTIONS) {
    if (action.group === 'composer') continue
    for (const keys of keysFor(action.id)) found.set(keys, [...(found.get(keys) ?? []), action.id])
  }
  return found
})

const SEQUENCE_MS = 1200
let pending = ''
let pendingAt = 0

/** True when a layer (dialog, menu) is open: page keys rest, the layer has its own. */
function layerOpen(): boolean {
  return document.querySelector('[data-layer]') !== null
}

export function onKeydown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return
  const key = pressed(event)
  if (key === null) return
  const typing = isTyping(event.target)
  const chord = key.startsWith('mod+')
  if (!chord && (typing || !keyOptions.enabled || layerOpen())) {
    pending = ''
    return
  }
  if ((key === 'enter' || key === 'space') && ownsEnter(event.target)) return
  if (key.startsWith('alt+')) return

  const sequence = pending && event.timeStamp - pendingAt < SEQUENCE_MS ? `${pending} ${key}` : key
  pending = ''
  for (const candidate of sequence === key ? [key] : [sequence, key]) {
    for (const id of byKeys.value.get(candidate) ?? []) {
      const handler = handlerOf(id)
      if (!handler || (typing && !handler.inFields) || (layerOpen() && !handler.inFields)) continue
      if (runAction(id)) {
        event.preventDefault()
        return
      }
    }
  }
  const starts = [...byKeys.value.keys()].some((keys) => keys.startsWith(`${key} `))
  if (starts && !chord) {
    pending = key
    pendingAt = event.timeStamp
  }
}
