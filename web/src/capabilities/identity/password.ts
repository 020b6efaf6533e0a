/** How the server judges a password in its default policy; here only to tell the person while they type. */
export const MIN_LENGTH = 15

export function passwordHint(password: string, personal: string[]): 'short' | 'personal' | 'repeated' | null {
  if ([...password].length < MIN_LENGTH) return 'short'
  const low = password.toLowerCase()
  if (personal.some((word) => word.length >= 4 && low === word.toLowerCase())) return 'personal'
  if (new Set(low).size < 5) return 'repeated'
  return null
}
