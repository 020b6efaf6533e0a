//! The functions demo data is made with: an organisation of sixty people in four regions.

use shouwen_identity::{NewOrgUnit, NewPerson, NewTeam, ReachKind, Skill, authenticate, create_org_unit, create_person, create_team, ensure_built_in_roles, grant_role, hash_password, is_needed, set_mfa_roles, set_status};
use shouwen_kernel::{Ids, Reach};
use shouwen_store::params;
use shouwen_web::Credentials;

use crate::house::{PASSWORD, on_both};

#[test]
fn an_organisation_of_sixty_is_seeded_and_everybody_signs_in() {
    on_both(|house| {
        let hash = hash_password(&Ids::seeded(5), PASSWORD).unwrap();
        let ctx = house.t.system();
        house
            .t
            .db
            .write_blocking(move |tx| {
                assert!(is_needed(tx)?);
                ensure_built_in_roles(tx, &ctx, &["people.manage", "case.read"])?;
                set_mfa_roles(tx, ctx.workspace, &[])?;
                let unit = |name: &str, kind: &str, parent| create_org_unit(tx, &ctx, &NewOrgUnit { name: name.into(), kind: kind.into(), parent_id: parent, region_code: None });
                let company = unit("示例水务集团", "company", None)?;
                let mut number = 0;
                for region in ["华东", "华南", "华北", "西南"] {
                    let region_unit = unit(region, "region", Some(company))?;
                    let branch = unit(&format!("{region}分公司"), "branch", Some(region_unit))?;
                    let team = create_team(tx, &ctx, &NewTeam { name: format!("{region}客服组"), org_unit_id: Some(branch), skills: vec!["账单".into()], members: Vec::new() })?;
                    for i in 0..15 {
                        number += 1;
                        let person = create_person(
                            tx,
                            &ctx,
                            &NewPerson {
                                name: format!("{region}{i}"),
                                email: format!("p{number}@example.com"),
                                org_unit_id: Some(if i == 0 { region_unit } else { branch }),
                                teams: if i == 0 { Vec::new() } else { vec![team] },
                                skills: vec![Skill { skill: "账单".into(), level: 3 }],
                                languages: vec!["zh".into()],
                                capacity: 20,
                                password_hash: Some(hash.clone()),
                                ..NewPerson::default()
                            },
                        )?;
                        match i {
                            0 => grant_role(tx, &ctx, person, "manager", ReachKind::OrgUnit, None, None)?,
                            1 => grant_role(tx, &ctx, person, "supervisor", ReachKind::Team, None, None)?,
                            _ => grant_role(tx, &ctx, person, "agent", ReachKind::Team, None, None)?,
                        }
                        set_status(tx, &ctx, person, if i % 3 == 0 { "online" } else { "away" })?;
                    }
                }
                Ok(())
            })
            .unwrap();
        let (people, units): (i64, i64) = house.t.db.read_blocking(|tx| tx.one("SELECT (SELECT count(*) FROM identity_person), (SELECT count(*) FROM identity_org_path)", params![])).unwrap();
        assert_eq!((people, units), (60, 1 + 4 * 2 + 4 * 3));
        let reach_of = |email: &str| {
            let browser = house.browser();
            browser.sign_in(email, PASSWORD).expect(200);
            let credentials = Credentials::Session(browser.token());
            let viewer = house.t.db.read_blocking(move |tx| authenticate(tx, &credentials)).unwrap().unwrap();
            assert!(!viewer.must_enrol);
            viewer.grants.into_iter().find(|g| g.permission == "case.read").unwrap().reach
        };
        // The manager's own unit with the branch below; the agent's own team.
        assert!(matches!(reach_of("p1@example.com"), Reach::OrgUnits { units } if units.len() == 2));
        assert!(matches!(reach_of("p5@example.com"), Reach::Teams { teams } if teams.len() == 1));
        let browser = house.browser();
        browser.sign_in("p60@example.com", PASSWORD).expect(200);
        let directory = browser.get("/directory").expect(200);
        assert_eq!((directory["people"].as_array().unwrap().len(), directory["org_units"].as_array().unwrap().len(), directory["skills"].as_array().unwrap().len()), (60, 9, 1));
        assert_eq!(directory["people"][59]["pinyin"], "xinan14 xn1");
    });
}
