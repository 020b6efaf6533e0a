//! What packs tell.

events! {
    /// Events of packs.
    pub enum PackEvent {
        /// A pack was installed, or brought to another version.
        "pack.installed" => PackInstalled {
            key: String,
            version: String,
            /// The version before, if there was one.
            previous: Option<String>,
            /// Items created, updated, kept as edited, removed.
            created: u32,
            updated: u32,
            kept: u32,
            removed: u32,
            /// Running cases that went to another stage.
            moved: u64,
        },
        /// A pack was taken away.
        "pack.removed" => PackRemoved {
            key: String,
            version: String,
            /// Items that went.
            removed: u32,
            /// Items that stay as the workspace's own.
            kept: u32,
        },
    }
}
