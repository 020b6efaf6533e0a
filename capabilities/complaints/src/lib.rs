//! Complaints: category tree, signals in text, repeats, the file of a dissatisfied customer and its care actions.

use shouwen_web::Module;

/// The capability.
pub fn module() -> Module {
    Module { ..Module::new("complaints") }
}
