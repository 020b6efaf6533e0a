//! service-levels
