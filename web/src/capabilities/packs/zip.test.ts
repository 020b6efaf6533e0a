import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ZipFault, readZip, writeZip } from './zip'

const FILES = [{ path: 'pack.toml', text: 'key = "own"\n' }, { path: 'rules/a.toml', text: '# 规则\n'.repeat(200) }]

/** A zip as other programs write it: deflated. */
function foreign(): ArrayBuffer {
  const text = new TextEncoder().encode(FILES[0]?.text)
  const packed = deflateRawSync(text)
  const name = new TextEncoder().encode('mine/pack.toml')
  const out = new DataView(new ArrayBuffer(30 + name.length + packed.length + 46 + name.length + 22))
  const bytes = new Uint8Array(out.buffer)
  const head = (at: number, signature: number, shift: number) => {
    out.setUint32(at, signature, true)
    out.setUint16(at + 8 + shift, 8, true)
    out.setUint32(at + 18 + shift, packed.length, true)
    out.setUint32(at + 22 + shift, text.length, true)
    out.setUint16(at + 26 + shift, name.length, true)
  }
  head(0, 0x04034b50, 0)
  bytes.set(name, 30)
  bytes.set(packed, 30 + name.length)
  const entry = 30 + name.length + packed.length
  head(entry, 0x02014b50, 2)
  bytes.set(name, entry + 46)
  const end = entry + 46 + name.length
  out.setUint32(end, 0x06054b50, true)
  out.setUint16(end + 10, 1, true)
  out.setUint32(end + 16, entry, true)
  return out.buffer
}

describe('packs as zip files', () => {
  it('come back as they were written, without the folder around them and what is hidden', async () => {
    const blob = writeZip('own', [...FILES, { path: '.git/config', text: 'x' }])
    expect(await readZip(await blob.arrayBuffer())).toEqual(FILES)
  })
  it('are read deflated too', async () => {
    expect(await readZip(foreign())).toEqual([FILES[0]])
  })
  it('say what is wrong with them', async () => {
    const code = (data: ArrayBuffer) => readZip(data).then(() => '', (error: ZipFault) => error.code)
    expect(await code(new TextEncoder().encode('no zip at all, but long enough').buffer as ArrayBuffer)).toBe('not_zip')
    expect(await code(await writeZip('x', [{ path: 'a.toml', text: '' }]).arrayBuffer())).toBe('no_pack')
  })
})
