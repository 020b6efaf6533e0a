// A client of /api/v1 as a browser is one: cookie, origin, JSON; errors as they were said.
import { PATIENCE } from './proc.mjs'

export class ApiError extends Error {
  constructor(method, path, status, body) {
    super(`${method} ${path} → ${status} ${typeof body === 'string' ? body.slice(0, 500) : JSON.stringify(body)}`)
    this.status = status
    this.body = body
    this.code = body?.error?.code
    this.detail = body?.error?.detail
  }
}

export class Client {
  constructor(base, { token } = {}) {
    this.base = base
    this.token = token
    this.cookies = new Map()
  }

  /** The parsed answer; throws ApiError on 4xx and 5xx. */
  async request(method, path, { body, headers = {}, raw = false, timeout = PATIENCE } = {}) {
    const url = path.startsWith('http') ? path : this.base + (path.startsWith('/api/') || path.startsWith('/s/') || path.startsWith('/healthz') ? path : `/api/v1${path}`)
    const form = body instanceof FormData
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
      headers: {
        accept: 'application/json',
        origin: this.base,
        ...(body !== undefined && !form ? { 'content-type': 'application/json' } : {}),
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(this.cookies.size ? { cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') } : {}),
        ...headers,
      },
      body: body === undefined ? undefined : form ? body : JSON.stringify(body),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(';')
      const [name, ...value] = pair.split('=')
      if (/max-age=0/i.test(cookie) || value.join('=') === '') this.cookies.delete(name)
      else this.cookies.set(name, value.join('='))
    }
    const text = await response.text()
    let parsed = text
    if ((response.headers.get('content-type') ?? '').includes('json') && text) {
      try {
        parsed = JSON.parse(text)
      } catch {
        // shown as it came
      }
    }
    if (response.status >= 400) throw new ApiError(method, path, response.status, parsed)
    return raw ? { status: response.status, headers: response.headers, body: parsed, text } : parsed
  }

  get(path, options) {
    return this.request('GET', path, options)
  }
  post(path, body = {}, options) {
    return this.request('POST', path, { ...options, body })
  }
  put(path, body = {}, options) {
    return this.request('PUT', path, { ...options, body })
  }
  patch(path, body = {}, options) {
    return this.request('PATCH', path, { ...options, body })
  }
  delete(path, body, options) {
    return this.request('DELETE', path, { ...options, ...(body === undefined ? {} : { body }) })
  }

  /** Every item of a list, page after page. */
  async all(path, { limit = 200, most = 100_000 } = {}) {
    const items = []
    for (let after = null; items.length < most; ) {
      const page = await this.get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${after ? `&after=${encodeURIComponent(after)}` : ''}`)
      if (Array.isArray(page)) return page
      items.push(...page.items)
      if (!page.next) return items
      after = page.next
    }
    throw new Error(`${path}: more than ${most} items`)
  }
}

/** The error of a call that should fail. */
export async function refused(promise, code) {
  try {
    await promise
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (code && error.code !== code && error.status !== code) throw new Error(`expected ${code}, got: ${error.message}`)
    return error
  }
  throw new Error(`expected ${code ?? 'a refusal'}, but it was accepted`)
}
