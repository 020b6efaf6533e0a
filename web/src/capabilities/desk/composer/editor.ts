import { Editor } from '@tiptap/core'
import Blockquote from '@tiptap/extension-blockquote'
import Bold from '@tiptap/extension-bold'
import Code from '@tiptap/extension-code'
import Document from '@tiptap/extension-document'
import HardBreak from '@tiptap/extension-hard-break'
import Italic from '@tiptap/extension-italic'
import Link from '@tiptap/extension-link'
import { BulletList, ListItem, ListKeymap, OrderedList } from '@tiptap/extension-list'
import Paragraph from '@tiptap/extension-paragraph'
import Text from '@tiptap/extension-text'
import { Placeholder, UndoRedo } from '@tiptap/extensions'

/** The writing part of the composer; loaded when somebody starts to write. */
export interface Trigger {
  sign: '/' | '@' | '#'
  query: string
  /** Document positions of the sign and what follows it. */
  from: number
  to: number
  /** Where on the screen, for the list under it. */
  left: number
  top: number
}

export interface EditorHooks {
  placeholder: () => string
  label: string
  changed: () => void
  trigger: (trigger: Trigger | null) => void
  /** True when the key was taken by the open list. */
  key: (event: KeyboardEvent) => boolean
  files: (files: File[]) => void
}

/** `/` and `#` count at the start of a word; so does `@`. A query ends at a space. */
const TRIGGER = /(?:^|[\s\u3000，。；：（])([/@#])([^\s/@#]{0,24})$/

function findTrigger(editor: Editor): Trigger | null {
  const { selection } = editor.state
  if (!selection.empty) return null
  const { $from } = selection
  const before = $from.parent.textBetween(0, $from.parentOffset, undefined, '\ufffc')
  const found = TRIGGER.exec(before)
  if (!found) return null
  const query = found[2] ?? ''
  const from = selection.from - query.length - 1
  const at = editor.view.coordsAtPos(from)
  return { sign: found[1] as Trigger['sign'], query, from, to: selection.from, left: at.left, top: at.bottom }
}

export function createEditor(element: HTMLElement, content: string, hooks: EditorHooks): Editor {
  const editor = new Editor({
    element,
    content,
    extensions: [
      Document,
      Paragraph,
      Text,
      Bold,
      Italic,
      Code,
      BulletList,
      OrderedList,
      ListItem,
      ListKeymap,
      Blockquote,
      HardBreak,
      UndoRedo,
      Link.configure({ openOnClick: false, autolink: true, linkOnPaste: true, protocols: ['http', 'https', 'mailto', 'tel'], HTMLAttributes: { rel: 'noopener noreferrer' } }),
      Placeholder.configure({ placeholder: hooks.placeholder }),
    ],
    editorProps: {
      attributes: { role: 'textbox', 'aria-multiline': 'true', 'aria-label': hooks.label, spellcheck: 'true' },
      handleKeyDown: (_view, event) => (event.isComposing || event.keyCode === 229 ? false : hooks.key(event)),
      handlePaste: (_view, event) => takeFiles(event.clipboardData, hooks, true),
      // The composer around takes dropped files, wherever on it they fall.
      handleDrop: (_view, event) => (event.dataTransfer?.files.length ?? 0) > 0,
    },
    onUpdate: ({ editor: now }) => {
      hooks.changed()
      hooks.trigger(now.view.composing ? null : findTrigger(now))
    },
    onSelectionUpdate: ({ editor: now }) => hooks.trigger(now.view.composing ? null : findTrigger(now)),
    onBlur: () => hooks.trigger(null),
  })
  return editor
}

function takeFiles(data: DataTransfer | null, hooks: EditorHooks, pasted = false): boolean {
  const files = [...(data?.files ?? [])]
  if (files.length === 0) return false
  // Word processors and tables put a picture of the text beside the text: the text is what was meant.
  if (pasted && (data?.getData('text/plain') ?? '').trim() !== '') return false
  hooks.files(files)
  return true
}

/** Plain text of what was written, as it goes into the text part of the mail. */
export function plainText(editor: Editor): string {
  const lines: string[] = []
  editor.state.doc.forEach((node) => {
    if (node.type.name === 'bulletList' || node.type.name === 'orderedList') {
      node.forEach((item, _offset, index) => lines.push(`${node.type.name === 'orderedList' ? `${index + 1}.` : '-'} ${item.textBetween(0, item.content.size, '\n', '\n')}`))
    } else if (node.type.name === 'blockquote') {
      lines.push(...node.textBetween(0, node.content.size, '\n', '\n').split('\n').map((line) => `> ${line}`))
    } else lines.push(node.textBetween(0, node.content.size, '\n', '\n'))
  })
  return lines.join('\n').replace(/\n{3,}/g, '\n\n').trim()
}

/** Text as paragraphs, every sign harmless. */
export function textToHtml(text: string): string {
  const safe = text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
  return safe
    .split('\n')
    .map((line) => `<p>${line}</p>`)
    .join('')
}
