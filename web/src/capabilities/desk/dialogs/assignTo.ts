/** Who works on a case from now on, and what they are told; an absent side stays as it is, null clears it. */
export interface AssignTo {
  person_id?: string | null
  team_id?: string | null
  note?: string
}
