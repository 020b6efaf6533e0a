/** Folders as zip files, read and written in the browser: a pack is a handful of text files. */
export interface PackFile {
  path: string
  text: string
}

/** What is wrong with a file that was chosen; `file` is empty when it is the whole. */
export class ZipFault extends Error {
  constructor(
    readonly code: 'not_zip' | 'encrypted' | 'method' | 'not_text' | 'too_large' | 'no_pack',
    readonly file = '',
  ) {
    super(`${code} ${file}`)
  }
}

/** More text than this the server takes for no pack, from here as from the command line. */
const LARGEST = 4 << 20

async function inflate(bytes: Uint8Array, most: number): Promise<Uint8Array> {
  const reader = new Blob([bytes as BlobPart]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader()
  const parts: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    // A small file may unpack to a very large one.
    if (size > most) throw new ZipFault('too_large')
    parts.push(value)
  }
  const out = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ZipFault('not_text', file)
  }
}

/** The text files of a zip. */
export async function readZip(data: ArrayBuffer): Promise<PackFile[]> {
  const [bytes, view] = [new Uint8Array(data), new DataView(data)]
  let end = bytes.length - 22
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1
  if (end < 0) throw new ZipFault('not_zip')
  const count = view.getUint16(end + 10, true)
  let at = view.getUint32(end + 16, true)
  const files: PackFile[] = []
  let left = LARGEST
  for (let n = 0; n < count; n += 1) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) throw new ZipFault('not_zip')
    const [flags, method, packed] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true), view.getUint32(at + 20, true)]
    const [nameLength, extra, comment, local] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true), view.getUint32(at + 42, true)]
    const path = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    at += 46 + nameLength + extra + comment
    if (path.endsWith('/') || isHidden(path)) continue
    if (flags & 1) throw new ZipFault('encrypted', path)
    if (local + 30 > bytes.length || view.getUint32(local, true) !== 0x04034b50) throw new ZipFault('not_zip')
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    const raw = bytes.subarray(from, from + packed)
    if (method !== 0 && method !== 8) throw new ZipFault('method', path)
    const plain = method === 0 ? raw : await inflate(raw, left)
    left -= plain.length
    if (left < 0) throw new ZipFault('too_large')
    files.push({ path, text: decode(plain, path) })
  }
  return inPack(files)
}

/** The files of a folder that was chosen. */
export async function readFolder(list: File[]): Promise<PackFile[]> {
  const files: PackFile[] = []
  let left = LARGEST
  for (const file of list) {
    const path = file.webkitRelativePath || file.name
    if (isHidden(path)) continue
    left -= file.size
    if (left < 0) throw new ZipFault('too_large')
    files.push({ path, text: decode(new Uint8Array(await file.arrayBuffer()), path) })
  }
  return inPack(files)
}

const isHidden = (path: string) => path.split('/').some((name) => name.startsWith('.') || name.endsWith('~') || name === '__MACOSX')

/** Paths as they stand inside the pack: most people zip the folder itself. */
function inPack(files: PackFile[]): PackFile[] {
  const heads = files.map((file) => file.path).filter((path) => path === 'pack.toml' || path.endsWith('/pack.toml'))
  const head = heads.sort((a, b) => a.length - b.length)[0]
  if (head === undefined) throw new ZipFault('no_pack')
  const prefix = head.slice(0, -'pack.toml'.length)
  return files.filter((file) => file.path.startsWith(prefix)).map((file) => ({ ...file, path: file.path.slice(prefix.length) }))
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})
const crc32 = (bytes: Uint8Array) => (bytes.reduce((crc, byte) => (TABLE[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0

/** A zip of text files within a folder, not compressed. The same files make the same bytes. */
export function writeZip(folder: string, files: PackFile[]): Blob {
  const parts: Uint8Array[] = []
  const index: Uint8Array[] = []
  let offset = 0
  const encoder = new TextEncoder()
  for (const file of files) {
    const [name, data] = [encoder.encode(`${folder}/${file.path}`), encoder.encode(file.text)]
    const fields = (view: DataView, from: number) => {
      view.setUint16(from, 20, true)
      // Names are UTF-8.
      view.setUint16(from + 2, 0x0800, true)
      view.setUint16(from + 8, 0x21, true)
      view.setUint32(from + 10, crc32(data), true)
      view.setUint32(from + 14, data.length, true)
      view.setUint32(from + 18, data.length, true)
      view.setUint16(from + 22, name.length, true)
    }
    const local = new DataView(new ArrayBuffer(30))
    local.setUint32(0, 0x04034b50, true)
    fields(local, 4)
    const entry = new DataView(new ArrayBuffer(46))
    entry.setUint32(0, 0x02014b50, true)
    entry.setUint16(4, 20, true)
    fields(entry, 6)
    entry.setUint32(42, offset, true)
    parts.push(new Uint8Array(local.buffer), name, data)
    index.push(new Uint8Array(entry.buffer), name)
    offset += 30 + name.length + data.length
  }
  const size = index.reduce((sum, part) => sum + part.length, 0)
  const end = new DataView(new ArrayBuffer(22))
  end.setUint32(0, 0x06054b50, true)
  end.setUint16(8, files.length, true)
  end.setUint16(10, files.length, true)
  end.setUint32(12, size, true)
  end.setUint32(16, offset, true)
  return new Blob([...parts, ...index, new Uint8Array(end.buffer)] as BlobPart[], { type: 'application/zip' })
}

/** Hands a file to the person. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
