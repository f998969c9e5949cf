//! Sets `cfg(failpoints)` for test builds only: `MOPS_BUILD_FAILPOINTS=1`, in a target folder of their own. The engine
//! uses this file as well.

#[expect(clippy::disallowed_methods, reason = "this is how a build script asks")]
fn main() {
    println!("cargo::rerun-if-env-changed=MOPS_BUILD_FAILPOINTS");
    if std::env::var("MOPS_BUILD_FAILPOINTS").as_deref() == Ok("1") {
        println!("cargo::rustc-cfg=failpoints");
    }
}
