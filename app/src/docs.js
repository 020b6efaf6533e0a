// Lays the OpenAPI document out. Text only ever enters through textContent.
const el = (tag, text, attributes = {}) => {
  const node = document.createElement(tag)
  if (text != null) node.textContent = text
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  return node
}
const sample = (schema, components, depth = 0) => {
  if (!schema || depth > 5) return null
  if (schema.$ref) return sample(components[schema.$ref.split('/').pop()], components, depth + 1)
  if (schema.examples?.length) return schema.examples[0]
  if (schema.example !== undefined) return schema.example
  for (const key of ['oneOf', 'anyOf']) if (schema[key]) return sample(schema[key].find(s => s.type !== 'null') ?? schema[key][0], components, depth + 1)
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map(s => sample(s, components, depth + 1) ?? {}))
  if (schema.enum) return schema.enum[0]
  const type = Array.isArray(schema.type) ? schema.type.find(t => t !== 'null') : schema.type
  if (type === 'object' || schema.properties) return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([k, v]) => [k, sample(v, components, depth + 1)]))
  if (type === 'array') return [sample(schema.items, components, depth + 1)]
  return { string: '…', integer: 0, number: 0, boolean: false }[type] ?? null
}
const show = api => {
  const components = api.components?.schemas ?? {}
  const groups = new Map()
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!operation.responses) continue
      const tag = operation.tags?.[0] ?? 'other'
      if (!groups.has(tag)) groups.set(tag, [])
      groups.get(tag).push({ path, method, operation })
    }
  }
  const main = document.getElementById('main')
  const links = document.getElementById('links')
  main.replaceChildren(el('p', api.info.description))
  const blocks = []
  for (const [tag, operations] of [...groups].sort()) {
    links.append(el('a', tag, { href: `#${tag}` }))
    main.append(el('h2', tag, { id: tag }))
    for (const { path, method, operation } of operations) {
      const block = el('details')
      const summary = el('summary')
      summary.append(el('b', method.toUpperCase()), el('code', path), el('span', operation.summary ?? ''))
      const body = el('div', null, { class: 'body' })
      if (operation.description) body.append(el('p', operation.description))
      if (operation['x-permission']) body.append(el('p', `Permission: ${operation['x-permission']}`))
      if (operation.parameters?.length) {
        const table = el('table')
        for (const parameter of operation.parameters) {
          const row = el('tr')
          row.append(el('td', `${parameter.name}${parameter.required ? ' *' : ''}`), el('td', parameter.in), el('td', parameter.description ?? ''))
          table.append(row)
        }
        body.append(table)
      }
      const request = operation.requestBody?.content?.['application/json']?.schema
      if (request) body.append(el('p', 'Request'), el('pre', JSON.stringify(sample(request, components), null, 2)))
      for (const [status, response] of Object.entries(operation.responses)) {
        body.append(el('p', `${status} ${response.description ?? ''}`))
        const answer = response.content?.['application/json']?.schema
        if (answer) body.append(el('pre', JSON.stringify(sample(answer, components), null, 2)))
      }
      block.append(summary, body)
      blocks.push([`${method} ${path} ${operation.summary ?? ''}`.toLowerCase(), block])
      main.append(block)
    }
  }
  document.getElementById('find').addEventListener('input', event => {
    const wanted = event.target.value.toLowerCase()
    for (const [text, block] of blocks) block.hidden = !text.includes(wanted)
  })
}
fetch('/api/v1/openapi.json').then(answer => answer.json()).then(show, error => { document.getElementById('main').textContent = String(error) })
