#![doc = include_str!("../README.md")]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

mod bindings;
mod initialisers;

pub use bindings::*;
pub use initialisers::*;
