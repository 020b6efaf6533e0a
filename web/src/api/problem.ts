/** What the server says went wrong: a stable code, words for a person, and an id to quote. */
export class Problem extends Error {
  /** HTTP status; 0 when no answer came at all. */
  readonly status: number
  /** Stable, dotted, e.g. `message.newer_arrived`. */
  readonly code: string
  /** The request field the problem is about, if one is. */
  readonly field: string | undefined
  /** What would have been right. */
  readonly expected: string | undefined
  /** Facts for the program, e.g. the current object of a version conflict. */
  readonly detail: unknown
  readonly requestId: string | undefined
  /** Seconds to wait before trying again, from Retry-After. */
  readonly retryAfter: number | undefined

  constructor(init: {
    status: number
    code: string
    message: string
    field?: string
    expected?: string
    detail?: unknown
    requestId?: string
    retryAfter?: number
  }) {
    super(init.message)
    this.name = 'Problem'
    this.status = init.status
    this.code = init.code
    this.field = init.field
    this.expected = init.expected
    this.detail = init.detail
    this.requestId = init.requestId
    this.retryAfter = init.retryAfter
  }

  /** True when nothing reached the server, or no answer came back. */
  get offline(): boolean {
    return this.status === 0
  }
}

/** Reads an error answer; a body that is not ours (a proxy's page) still gives a usable Problem. */
export async function readProblem(response: Response): Promise<Problem> {
  const retry = Number(response.headers.get('retry-after'))
  const base = {
    status: response.status,
    retryAfter: Number.isFinite(retry) && retry > 0 ? retry : undefined,
    requestId: response.headers.get('x-request-id') ?? undefined,
  }
  try {
    const body = (await response.json()) as { error?: Record<string, unknown> }
    const error = body.error
    if (error && typeof error.code === 'string') {
      return new Problem({
        ...base,
        code: error.code,
        message: typeof error.message === 'string' ? error.message : error.code,
        field: typeof error.field === 'string' ? error.field : undefined,
        expected: typeof error.expected === 'string' ? error.expected : undefined,
        detail: error.detail,
        requestId: typeof error.request_id === 'string' ? error.request_id : base.requestId,
      })
    }
  } catch {
    // Not JSON: fall through to what the status alone tells.
  }
  return new Problem({ ...base, code: `http.${response.status}`, message: response.statusText })
}

export function isProblem(value: unknown, code?: string): value is Problem {
  return value instanceof Problem && (code === undefined || value.code === code)
}
