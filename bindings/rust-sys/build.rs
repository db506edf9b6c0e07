//! Finds libtractor and tells cargo how to link it. No crate is used for that: what a build needs is then all here.

use std::env;
use std::path::Path;
use std::process::{exit, Command};

/// Before 1.0 a minor version may break programs.
const WANTED: [&str; 2] = ["tractor >= 0.1", "tractor < 0.2"];

fn fail(message: &str) -> ! {
    eprintln!("\ntractor-sys: {message}\n");
    eprintln!("libtractor 0.1 is looked for with pkg-config, where it was installed or where PKG_CONFIG_PATH says:");
    eprintln!("    PKG_CONFIG_PATH=/opt/tractor/lib/pkgconfig cargo build");
    eprintln!("Without pkg-config, TRACTOR_LIB_DIR names the folder of libtractor.so, or of libtractor.a if");
    eprintln!("TRACTOR_STATIC=1.\n");
    exit(1)
}

fn variable(name: &str) -> Option<String> {
    println!("cargo:rerun-if-env-changed={name}");
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What pkg-config answers.
fn ask(program: &str, question: &[&str], about: &[&str]) -> String {
    match Command::new(program).args(question).args(about).output() {
        Err(err) => fail(&format!("can't run {program}: {err}. It is in Debian's package pkg-config.")),
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => {
            fail(&format!("{program} does not find it:\n{}", String::from_utf8_lossy(&output.stderr).trim_end()))
        }
    }
}

/// The words of a line of pkg-config's, which has a backslash before a space that belongs to a word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = line.trim().chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => words.last_mut().unwrap().extend(chars.next()),
            c if c.is_whitespace() => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn link(kind: &str, name: &str) {
    println!("cargo:rustc-link-lib={kind}{name}");
}

/// Passes on what pkg-config says about linking.
fn link_flags(flags: &str, is_static: bool) {
    for flag in words(flags) {
        if let Some(folder) = flag.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={folder}");
        } else if let Some(name) = flag.strip_prefix("-l") {
            link(if is_static && name == "tractor" { "static=" } else { "" }, name);
        } else if flag != "-pthread" {
            println!("cargo:warning=tractor.pc says {flag}, which is not passed on");
        }
    }
}

/// For build scripts of packages that depend on this one: DEP_TRACTOR_INCLUDE, to compile C of their own, and
/// DEP_TRACTOR_LIBDIR, if their programs shall find the library where it was when they were built.
fn publish(include: &str, libdir: &str) {
    println!("cargo:include={include}");
    println!("cargo:libdir={libdir}");
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_static = variable("TRACTOR_STATIC").map_or(false, |value| value != "0");
    let lib_dir = variable("TRACTOR_LIB_DIR");
    let include_dir = variable("TRACTOR_INCLUDE_DIR");
    let pkg_config = variable("PKG_CONFIG");
    let searches = ["PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR"].map(variable);
    if env::var_os("DOCS_RS").is_some() {
        return; // there is no library, and nothing is linked
    }

    if let Some(folder) = lib_dir {
        let file = if is_static { "libtractor.a" } else { "libtractor.so" };
        if !Path::new(&folder).join(file).exists() {
            fail(&format!("there is no {file} in TRACTOR_LIB_DIR={folder}"));
        }
        println!("cargo:rustc-link-search=native={folder}");
        link(if is_static { "static=" } else { "" }, "tractor");
        if is_static {
            ["stdc++", "event_core"].iter().for_each(|name| link("", name));
        }
        publish(&include_dir.unwrap_or_default(), &folder);
        return;
    }

    if env::var("HOST") != env::var("TARGET") && pkg_config.is_none() && searches.iter().all(Option::is_none) {
        fail("pkg-config finds libraries of this machine, and this is a build for another one: set PKG_CONFIG");
    }
    let program = pkg_config.as_deref().unwrap_or("pkg-config");
    let libs: &[&str] = if is_static { &["--libs", "--static"] } else { &["--libs"] };
    link_flags(&ask(program, libs, &WANTED), is_static);
    let variable = |name: &str| ask(program, &[&format!("--variable={name}")], &["tractor"]).trim().to_owned();
    publish(&include_dir.unwrap_or_else(|| variable("includedir")), &variable("libdir"));
}
