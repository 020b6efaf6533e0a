/** Everything the desk says in Chinese: one file per room, gathered here. */
const files = import.meta.glob<Record<string, unknown>>(['./zh-CN.json', '../capabilities/*/zh-CN.json'], { eager: true, import: 'default' })
export default Object.assign({}, ...Object.values(files)) as Record<string, unknown>
