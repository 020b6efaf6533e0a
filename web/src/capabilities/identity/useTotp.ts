import { renderSVG } from 'uqr'
import { computed, onMounted, ref } from 'vue'
import { api } from '@/api/client'
import { problemText } from '@/ui/primitives'

/** Enrolling a second factor: a secret to scan, a code to prove it, recovery codes to keep. */
export function useTotp(done: () => void) {
  const secret = ref('')
  const uri = ref('')
  const code = ref('')
  const codes = ref<string[]>([])
  const error = ref('')
  const busy = ref(false)
  /** Drawn here and shown as a picture, so that no markup from outside is put into the page and the secret goes nowhere. */
  const picture = computed(() => (uri.value ? `data:image/svg+xml;utf8,${encodeURIComponent(renderSVG(uri.value, { border: 2 }))}` : ''))

  onMounted(async () => {
    try {
      const answer = await api.post<{ secret: string; uri: string }>('/me/totp')
      secret.value = answer.secret
      uri.value = answer.uri
    } catch (problem) {
      error.value = problemText(problem)
    }
  })
  async function confirm(): Promise<void> {
    busy.value = true
    error.value = ''
    try {
      codes.value = (await api.post<{ recovery_codes: string[] }>('/me/totp/confirmation', { code: code.value.replace(/\s/g, '') })).recovery_codes
      done()
    } catch (problem) {
      error.value = problemText(problem)
    } finally {
      busy.value = false
    }
  }
  return { secret, uri, code, codes, error, busy, picture, confirm }
}
