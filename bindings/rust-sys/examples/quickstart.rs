//! Two worker processes are asked whether numbers are prime. This program is root and worker at once.

use std::ffi::CStr;
use std::mem::size_of;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::exit;
use std::ptr::{null, null_mut};
use tractor_sys::*;

// --- what every binding needs once ------------------------------------------------------------

/// A panic must not unwind into C. What runs in a callback runs in here; a panic becomes the error of `nursery`: in an
/// endpoint its caller's, in a completion the program's.
unsafe fn guarded(nursery: *mut tractor_nursery, body: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(body)).is_err() {
        let options = tractor_error_options {
            type_: b"RuntimeError\0".as_ptr() as *const c_char,
            message: b"a callback panicked\0".as_ptr() as *const c_char,
            ..Default::default()
        };
        let err = tractor_error_new(&options);
        tractor_nursery_fail(nursery, err);
        tractor_error_unref(err);
    }
}

fn c(text: &'static [u8]) -> *const c_char {
    CStr::from_bytes_with_nul(text).expect("the text ends with \\0").as_ptr()
}

// --- in a worker ------------------------------------------------------------------------------

fn trial_division(n: u64) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

unsafe extern "C" fn is_prime(ctx: *mut tractor_ctx, args: *const tractor_value, _: *mut c_void) {
    guarded(tractor_ctx_nursery(ctx), || {
        let mut n = 0u64;
        if tractor_ctx_unpack(ctx, args, c(b"{s:U}\0"), c(b"n\0"), &mut n as *mut u64) == TRACTOR_OK {
            tractor_ctx_return(ctx, c(b"b\0"), trial_division(n) as i32);
        } // else the caller gets a TypeError that names `n`
    });
}
static PRIMES: [tractor_endpoint; 2] = [TRACTOR_FUNC(b"is_prime\0", Some(is_prime)), TRACTOR_ENDPOINTS_END];

// --- in the root ------------------------------------------------------------------------------

/// What a worker is asked. It lies in memory of the nursery, so there is nothing to free; nothing in it has a drop.
struct Job {
    pool: *mut tractor_nursery,
    number: u64,
}

unsafe extern "C" fn on_answer(err: *const tractor_error, value: *const tractor_value, user: *mut c_void) {
    let job = &*(user as *const Job);
    guarded(job.pool, || {
        let mut prime = false;
        if !err.is_null() {
            tractor_nursery_fail(job.pool, err);
        } else if tractor_unpack(value, c(b"b\0"), &mut prime as *mut bool) == TRACTOR_OK {
            println!("{} is {}", job.number, if prime { "prime" } else { "composite" });
        }
    });
}

unsafe extern "C" fn on_worker(err: *const tractor_error, worker: *mut tractor_portal, user: *mut c_void) {
    let job = &*(user as *const Job);
    guarded(job.pool, || {
        if !err.is_null() {
            tractor_nursery_fail(job.pool, err);
            return;
        }
        let args = tractor_pack(c(b"{s:U}\0"), c(b"n\0"), job.number);
        tractor_portal_run(worker, job.pool, c(b"primes\0"), c(b"is_prime\0"), args, null(), Some(on_answer), user);
    });
}

unsafe extern "C" fn root(nursery: *mut tractor_nursery, _: *mut c_void) {
    guarded(nursery, || {
        // Workers serve until they are cancelled; this nursery does that when nothing else is left to do.
        let pool_options = tractor_nursery_options { flags: TRACTOR_NURSERY_CANCEL_DAEMONS, ..Default::default() };
        let pool = tractor_nursery_open(nursery, &pool_options, None, null_mut());
        let modules = [c(b"primes\0"), null()];
        let options = tractor_spawn_options { modules: modules.as_ptr(), ..Default::default() };
        for number in [112272535095293, 1099726899285419] {
            let job = tractor_nursery_alloc(pool, size_of::<Job>()) as *mut Job;
            job.write(Job { pool, number });
            tractor_nursery_start_actor(pool, c(b"worker\0"), &options, Some(on_worker), job as *mut c_void);
        }
        tractor_nursery_close(pool);
    });
}

fn main() {
    let options = tractor_root_options { name: c(b"root\0"), ..Default::default() };
    exit(unsafe {
        tractor_register(c(b"primes\0"), PRIMES.as_ptr(), null_mut());
        tractor_main(0, null_mut(), &options, Some(root), null_mut())
    });
}
