/** Everything the desk says in English: one file per room, gathered here. */
const files = import.meta.glob<Record<string, unknown>>(['./en.json', '../capabilities/*/en.json'], { eager: true, import: 'default' })
export default Object.assign({}, ...Object.values(files)) as Record<string, unknown>
