CREATE INDEX desk_member_team ON desk_member (team_id, person_id);
