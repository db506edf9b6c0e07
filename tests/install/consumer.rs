use std::ffi::CStr;
use std::process::exit;
use tractor_sys::*;

fn main() {
    let version = unsafe { CStr::from_ptr(tractor_version()) };
    println!("{}", version.to_str().unwrap());
    exit(if unsafe { tractor_abi_epoch() } == TRACTOR_ABI_EPOCH { 0 } else { 1 });
}
