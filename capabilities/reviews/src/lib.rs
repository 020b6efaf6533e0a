//! Reviews of solutions and approvals of amounts: steps, delegation, time limits, the authority table.

use shouwen_web::Module;

/// The capability.
pub fn module() -> Module {
    Module { ..Module::new("reviews") }
}
