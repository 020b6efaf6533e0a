/** Time zones the browser knows, the viewer's first. */
const here = Intl.DateTimeFormat().resolvedOptions().timeZone || 'Asia/Shanghai'
const all = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : []

export const zones = [...new Set([here, 'Asia/Shanghai', 'Asia/Hong_Kong', 'Asia/Taipei', 'Asia/Singapore', 'UTC', ...all])].map((value) => ({
  value,
  label: value.replaceAll('_', ' '),
}))
