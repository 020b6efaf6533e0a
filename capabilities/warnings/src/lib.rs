//! Early warnings in grades, bulletins, and the crisis room.

use shouwen_web::Module;

/// The capability.
pub fn module() -> Module {
    Module { ..Module::new("warnings") }
}
