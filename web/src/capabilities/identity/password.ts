/** How the server judges a password; here only to tell the person while they type. */
export const MIN_LENGTH = 15
/** With a second factor enrolled. */
export const MIN_LENGTH_MFA = 8

export function passwordHint(password: string, personal: string[], least = MIN_LENGTH): 'short' | 'personal' | 'repeated' | null {
  if ([...password].length < least) return 'short'
  const low = password.toLowerCase()
  if (personal.some((word) => word.length >= 4 && low === word.toLowerCase())) return 'personal'
  if (new Set(low).size < 5) return 'repeated'
  return null
}
