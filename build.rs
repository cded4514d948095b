//! Gives the Windows programs a version, which inventories and the installer read, and a manifest.
//! Does nothing for other systems. Of the package `preshift` and of `crates/launcher`.

use std::env;
use winresource::WindowsResource;

fn main() {
    let launcher = env::var("CARGO_PKG_NAME").as_deref() == Ok("preshift-launcher");
    let root = if launcher { "../../" } else { "" };
    println!("cargo:rerun-if-changed={root}build.rs");
    println!("cargo:rerun-if-changed={root}packaging/windows/preshift.manifest");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return;
    }
    let (program, shown) =
        if launcher { ("preshiftw", "Preshift (without a window)") } else { ("preshift", "Preshift") };
    let mut resource = WindowsResource::new();
    resource
        .set("ProductName", "Preshift")
        // Windows shows this as the program's name.
        .set("FileDescription", shown)
        .set("CompanyName", "The Preshift authors")
        .set("LegalCopyright", "The Preshift authors; MIT or Apache-2.0")
        .set("InternalName", program)
        .set("OriginalFilename", &format!("{program}.exe"))
        .set_manifest(include_str!("packaging/windows/preshift.manifest"));
    if let Err(error) = resource.compile_for(program) {
        // Checking types needs no resource compiler; what people install does.
        assert!(env::var("PROFILE").as_deref() != Ok("release"), "no version for Windows: {error}");
        println!("cargo:warning={program}.exe has no version and no manifest: {error}");
    }
    if env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        // The same source is the same program, whenever it is built.
        println!("cargo:rustc-link-arg-bin={program}=-Wl,--no-insert-timestamp");
    }
}
