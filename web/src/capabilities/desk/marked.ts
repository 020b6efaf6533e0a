export interface Part {
  text: string
  hit: boolean
}

/** A snippet with its hits marked: `<mark>`/`<b>` from the server, else the words asked for. Never HTML, only text parts. */
export function marked(snippet: string, query: string): Part[] {
  if (/<(mark|b|em)>/.test(snippet)) {
    return snippet
      .split(/(<(?:mark|b|em)>.*?<\/(?:mark|b|em)>)/)
      .filter(Boolean)
      .map((part) => ({ hit: /^<(mark|b|em)>/.test(part), text: part.replace(/<\/?(mark|b|em)>/g, '') }))
  }
  const words = query
    .split(/\s+/)
    .filter((word) => word.length > 0)
    .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  if (words.length === 0) return [{ text: snippet, hit: false }]
  const pattern = new RegExp(`(${words.join('|')})`, 'gi')
  return snippet
    .split(pattern)
    .filter((part) => part !== '')
    .map((part, _i, all) => ({ text: part, hit: all.length > 0 && new RegExp(`^(${words.join('|')})$`, 'i').test(part) }))
}
