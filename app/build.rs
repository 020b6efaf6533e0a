//! The desk's files are embedded at build time. A build without them still works and says how to get them.
fn main() {
    let dist = std::path::Path::new("../web/dist");
    if !dist.exists() {
        // A missing folder would fail the embedding; an empty one makes the server explain itself.
        let _ = std::fs::create_dir_all(dist);
    }
    println!("cargo:rerun-if-changed=../web/dist");
}
