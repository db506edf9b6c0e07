//! The bindings against what the C compiler says of the same header, and against the library that is loaded.
//!
//! The tests inside the bindings compare rustc with the numbers that clang gave bindgen; here these numbers are compared with
//! the table that the library's own compiler made.

use std::collections::BTreeMap;
use std::ffi::CStr;
use tractor_sys::*;

const BINDINGS: &str = include_str!("../src/bindings.rs");

/// Offsets of members as "struct.member", sizes as "struct", constants by name.
fn numbers_of_bindings() -> BTreeMap<String, i64> {
    let code: String = BINDINGS.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut numbers = BTreeMap::new();
    for part in code.split("pub const ").skip(1) {
        if let Some((name, rest)) = part.split_once(": ") {
            let value =
                rest.split_once("= ").and_then(|(_, rest)| rest.split_once(';')).map(|(value, _)| value.parse());
            if let Some(Ok(value)) = value {
                numbers.insert(name.to_owned(), value);
            }
        }
    }
    // An assertion ends with what it is about: `16usize, concat!("Size of: ", stringify!(tractor_bytes))`.
    for part in code.split("assert_eq!").skip(1) {
        let (what, about) = match part.split_once("concat!(") {
            Some((before, after)) => (before, after),
            None => continue,
        };
        let number = what.trim_end().trim_end_matches(',').rsplit(' ').next().unwrap();
        let number: i64 = number.strip_suffix("usize").expect("a number of type usize").parse().unwrap();
        let names: Vec<_> = about.split("stringify!(").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
        let key = names.join(".").trim_end_matches('_').to_owned();
        if !about.starts_with("\"Alignment") {
            numbers.insert(key, number);
        }
    }
    numbers
}

#[test]
fn same_as_the_c_compiler_sees_it() {
    let table = match std::env::var("TRACTOR_LAYOUT") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => return eprintln!("skipped: TRACTOR_LAYOUT does not name the output of libtractor's tools/layout"),
    };
    let numbers = numbers_of_bindings();
    let mut compared = 0;
    for line in table.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let (name, value) = match words[..] {
            ["struct", name, "offset", value, "size", _] | ["struct", name, "size", value, "align", _] => (name, value),
            ["enum", _, name, "=", value] => (name, value),
            _ => panic!("a line of another form: {line}"),
        };
        assert_eq!(numbers.get(name), Some(&value.parse().unwrap()), "{line}");
        compared += 1;
    }
    assert!(compared > 100);
}

#[test]
fn library_is_the_one_of_the_bindings() {
    let version = unsafe { CStr::from_ptr(tractor_version()) }.to_str().unwrap();
    assert_eq!(unsafe { tractor_abi_epoch() }, TRACTOR_ABI_EPOCH);
    let header = format!("{TRACTOR_VERSION_MAJOR}.{TRACTOR_VERSION_MINOR}.{TRACTOR_VERSION_PATCH}");
    assert_eq!(version, header);
    assert_eq!(env!("CARGO_PKG_VERSION").split_once("+tractor.").unwrap().1, header);
}

#[test]
fn options_know_their_size() {
    assert_eq!(tractor_root_options::default().struct_size, std::mem::size_of::<tractor_root_options>());
    assert_eq!(tractor_spawn_options::default().flags, 0);
    assert!(tractor_call_options::default().schema.is_null());
    assert_eq!(tractor_bytes::default().len, 0);
}

#[test]
fn times_and_limits_have_the_types_of_their_members() {
    let _ = tractor_nursery_options { timeout_ns: 5 * TRACTOR_SECOND, ..Default::default() };
    let _ = tractor_root_options { stream_window: TRACTOR_NO_WINDOW, ..Default::default() };
    assert_eq!(TRACTOR_NO_WINDOW, u64::MAX);
    assert_eq!(TRACTOR_FOREVER, i64::MAX);
}

/// Numbers that come as `int` are compared with constants without a cast.
#[test]
fn codes_and_kinds_match_as_they_come() {
    unsafe {
        let err = tractor_error_new(&tractor_error_options { code: TRACTOR_ETIMEDOUT, ..Default::default() });
        assert!(matches!(tractor_error_code(err), TRACTOR_ETIMEDOUT));
        assert!(matches!(tractor_error_kind(err), TRACTOR_KIND_TIMEOUT));
        tractor_error_unref(err);
    }
}
