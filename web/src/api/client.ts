import { ref } from 'vue'
import { Problem, readProblem } from './problem'

const BASE = '/api/v1'
/** How often a safe request is repeated when the line or the server fails for a moment. */
const RETRY_DELAYS_MS = [300, 1000, 3000]

type Query = Record<string, string | number | boolean | null | undefined>

export interface RequestOptions {
  query?: Query
  body?: unknown
  /** The same key on a repeated POST makes the server answer with the first result. */
  idempotencyKey?: string
  signal?: AbortSignal
  /** Set on log-in itself, where 401 is an answer and not a lost session. */
  anonymous?: boolean
}

/** False while the server cannot be reached; the shell shows a banner. */
export const online = ref(true)
/** True while the re-login dialog stands over the page. */
export const sessionLost = ref(false)

let waitingForLogin: { promise: Promise<void>; done: () => void; cancel: () => void } | undefined

/** Called by the re-login dialog: every held request is sent again. */
export function sessionRestored(): void {
  sessionLost.value = false
  waitingForLogin?.done()
  waitingForLogin = undefined
}

/** Called when the person leaves for the login page instead: held requests fail with 401. */
export function sessionAbandoned(): void {
  sessionLost.value = false
  waitingForLogin?.cancel()
  waitingForLogin = undefined
}

function waitForLogin(): Promise<void> {
  if (!waitingForLogin) {
    let done = () => {}
    let cancel = () => {}
    const promise = new Promise<void>((resolve, reject) => {
      done = resolve
      cancel = () => reject(new Problem({ status: 401, code: 'unauthenticated', message: '' }))
    })
    waitingForLogin = { promise, done, cancel }
    sessionLost.value = true
  }
  return waitingForLogin.promise
}

export function newIdempotencyKey(): string {
  return crypto.randomUUID()
}

export function apiUrl(path: string, query?: Query): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value))
  }
  const text = params.toString()
  return BASE + path + (text ? `?${text}` : '')
}

/**
 * One request. Errors are always a Problem. A GET, PUT or DELETE, and a POST (it carries a key), are repeated after a
 * network failure or 502/503/504; 401 waits for the person to log in again and then sends the same request once more.
 */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  let body: BodyInit | undefined
  if (options.body instanceof FormData) body = options.body
  else if (options.body !== undefined || (method !== 'GET' && method !== 'HEAD')) {
    headers['content-type'] = 'application/json'
    body = options.body === undefined ? undefined : JSON.stringify(options.body)
  }
  if (method === 'POST') headers['idempotency-key'] = options.idempotencyKey ?? newIdempotencyKey()

  for (let attempt = 0; ; attempt += 1) {
    let response: Response
    try {
      response = await fetch(apiUrl(path, options.query), {
        method,
        headers,
        body,
        credentials: 'same-origin',
        signal: options.signal,
        redirect: 'error',
      })
    } catch (cause) {
      if (options.signal?.aborted) throw cause
      const delay = RETRY_DELAYS_MS[attempt]
      if (delay !== undefined && method !== 'PATCH') {
        await sleep(delay)
        continue
      }
      online.value = false
      throw new Problem({ status: 0, code: 'offline', message: '' })
    }
    online.value = true
    if (response.ok) return readBody<T>(response)
    const delay = RETRY_DELAYS_MS[attempt]
    if ([502, 503, 504].includes(response.status) && delay !== undefined && method !== 'PATCH') {
      await sleep(delay)
      continue
    }
    const problem = await readProblem(response)
    if (problem.status === 401 && !options.anonymous) {
      await waitForLogin()
      continue
    }
    throw problem
  }
}

async function readBody<T>(response: Response): Promise<T> {
  if (response.status === 204 || response.headers.get('content-length') === '0') return undefined as T
  const text = await response.text()
  if (text === '') return undefined as T
  try {
    return JSON.parse(text) as T
  } catch {
    throw new Problem({ status: response.status, code: 'answer.unreadable', message: '' })
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => request<T>('GET', path, { query, signal }),
  post: <T>(path: string, body: unknown = {}, options: RequestOptions = {}) => request<T>('POST', path, { ...options, body }),
  put: <T>(path: string, body: unknown = {}) => request<T>('PUT', path, { body }),
  patch: <T>(path: string, body: unknown) => request<T>('PATCH', path, { body }),
  delete: <T>(path: string, body?: unknown) => request<T>('DELETE', path, { body }),
}

/** Uploads one file with progress (0…1); the answer names it for a message. */
export function upload(file: File, onProgress: (fraction: number) => void, signal?: AbortSignal): Promise<UploadedFile> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest()
    xhr.open('POST', apiUrl('/uploads'))
    xhr.setRequestHeader('idempotency-key', newIdempotencyKey())
    xhr.responseType = 'text'
    xhr.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total)
    xhr.onerror = () => reject(new Problem({ status: 0, code: 'offline', message: '' }))
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) {
        try {
          resolve(JSON.parse(xhr.responseText) as UploadedFile)
        } catch {
          reject(new Problem({ status: xhr.status, code: 'answer.unreadable', message: '' }))
        }
        return
      }
      const response = new Response(xhr.responseText, { status: xhr.status })
      void readProblem(response).then(reject)
    }
    signal?.addEventListener('abort', () => xhr.abort())
    const form = new FormData()
    form.append('file', file, file.name)
    xhr.send(form)
  })
}

export interface UploadedFile {
  id: string
  name: string
  type: string
  /** Bytes. */
  size: number
}
