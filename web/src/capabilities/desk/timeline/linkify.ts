export interface TextPart {
  text: string
  href?: string
}

// Stops before the punctuation that ends a sentence, Chinese or English.
const LINK = /\bhttps?:\/\/[^\s<>"'，。；：！？）】》、（【《]+[^\s<>"'，。；：！？）】》、（【《.,;:!?)\]]/g

/** Web addresses in plain text become links; everything else stays text. Only http and https. */
export function linkify(text: string): TextPart[] {
  const parts: TextPart[] = []
  let from = 0
  for (const match of text.matchAll(LINK)) {
    const at = match.index
    if (at > from) parts.push({ text: text.slice(from, at) })
    parts.push({ text: match[0], href: match[0] })
    from = at + match[0].length
  }
  if (from < text.length) parts.push({ text: text.slice(from) })
  return parts
}
