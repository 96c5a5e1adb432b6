//! Tells the linker how a program lies in memory; where that is, `ropeway-costs` tells it.

fn main() {
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}
