/** The settings of automatic assignment, as the server keeps them. */
export interface RoutingSettings {
  automatic: boolean
  online_only: boolean
  tiers: { tier: string; skill: string | null; first: boolean }[]
  overflow: { team_id: string; after_minutes: number; to: string[] }[]
}
