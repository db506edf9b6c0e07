//! What the header says with macros, which bindings can't carry: how options and endpoints are initialised.

use crate::bindings::*;
use std::os::raw::c_char;
use std::ptr::null;

macro_rules! options {
    ($($name:ident)*) => {$(
        /// Defaults everywhere; `struct_size` is set.
        impl Default for $name {
            fn default() -> Self {
                // The header promises that zero means default in every member but the first.
                let mut options: Self = unsafe { std::mem::zeroed() };
                options.struct_size = std::mem::size_of::<Self>();
                options
            }
        }
    )*};
}

options! {
    tractor_call_options
    tractor_cluster_options
    tractor_error_options
    tractor_find_options
    tractor_nursery_options
    tractor_root_options
    tractor_spawn_options
}

/// No bytes: nil, or no arguments.
impl Default for tractor_bytes {
    fn default() -> Self {
        tractor_bytes { data: null(), len: 0 }
    }
}

// Arrays of endpoints are statics. Nothing here or in the library writes to one, and to read what its pointers point to
// takes `unsafe` anyway.
unsafe impl Sync for tractor_endpoint {}

const fn endpoint(
    name: &'static [u8],
    fn_: tractor_endpoint_fn,
    kind: tractor_endpoint_kind,
    schema: *const c_char,
) -> tractor_endpoint {
    assert!(!name.is_empty() && name[name.len() - 1] == 0, "the name has to end with \\0");
    tractor_endpoint {
        name: name.as_ptr() as *const c_char,
        fn_,
        kind,
        flags: 0,
        schema,
        doc: null(),
        reserved: [null::<()>() as *mut _; 2],
    }
}

/// A function endpoint. The name ends with `\0`, which is looked for when the program is compiled.
pub const fn TRACTOR_FUNC(name: &'static [u8], fn_: tractor_endpoint_fn) -> tractor_endpoint {
    endpoint(name, fn_, TRACTOR_FUNCTION, null())
}

/// A context endpoint.
pub const fn TRACTOR_CTX(name: &'static [u8], fn_: tractor_endpoint_fn) -> tractor_endpoint {
    endpoint(name, fn_, TRACTOR_CONTEXT, null())
}

/// A generator endpoint.
pub const fn TRACTOR_GEN(name: &'static [u8], fn_: tractor_endpoint_fn) -> tractor_endpoint {
    endpoint(name, fn_, TRACTOR_GENERATOR, null())
}

/// A context endpoint with payload types, such as `b"int | None\0"`.
pub const fn TRACTOR_CTX_TYPED(
    name: &'static [u8],
    fn_: tractor_endpoint_fn,
    schema: &'static [u8],
) -> tractor_endpoint {
    assert!(!schema.is_empty() && schema[schema.len() - 1] == 0, "the schema has to end with \\0");
    endpoint(name, fn_, TRACTOR_CONTEXT, schema.as_ptr() as *const c_char)
}

/// The end of an array of endpoints.
pub const TRACTOR_ENDPOINTS_END: tractor_endpoint = tractor_endpoint {
    name: null(),
    fn_: None,
    kind: 0,
    flags: 0,
    schema: null(),
    doc: null(),
    reserved: [null::<()>() as *mut _; 2],
};
