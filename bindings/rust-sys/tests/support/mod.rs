//! What the tests of trees share: closures as completions, values without variadic calls, panics that stay on this side.
//! It shows how little a binding needs, and is no safe wrapper: handles are plain pointers.

use std::any::Any;
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use tractor_sys::*;

pub fn c(text: &'static [u8]) -> *const c_char {
    CStr::from_bytes_with_nul(text).expect("the text ends with \\0").as_ptr()
}

/// Text of the library's, which is never NULL where this is used.
pub unsafe fn text(from: *const c_char) -> String {
    CStr::from_ptr(from).to_string_lossy().into_owned()
}

// --- panics -----------------------------------------------------------------------------------

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "a panic without a text",
    }
}

pub unsafe fn new_error(kind: &str, message: &str) -> *mut tractor_error {
    let (kind, message) = (CString::new(kind).unwrap(), CString::new(message.replace('\0', " ")).unwrap());
    let options = tractor_error_options { type_: kind.as_ptr(), message: message.as_ptr(), ..Default::default() };
    tractor_error_new(&options)
}

/// Runs the body of a callback. A panic must not unwind into C: it becomes the error of `nursery`.
pub unsafe fn guarded(nursery: *mut tractor_nursery, body: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
        let err = new_error("RuntimeError", panic_text(&*panic));
        tractor_nursery_fail(nursery, err);
        tractor_error_unref(err);
    }
}

/// The other way: a program whose state can't be trusted after a panic ends here, and its parent is told how it died.
pub fn or_abort(body: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(body)).is_err() {
        std::process::abort();
    }
}

// --- closures as completions ------------------------------------------------------------------

/// A completion's error, as long as the completion runs.
#[derive(Clone, Copy, Debug)]
pub struct Failure(pub *const tractor_error);

impl Failure {
    pub fn code(self) -> i32 {
        unsafe { tractor_error_code(self.0) }
    }
    pub fn boxed_type(self) -> String {
        unsafe { text(tractor_error_boxed_type(self.0)) }
    }
    pub fn message(self) -> String {
        unsafe { text(tractor_error_message(self.0)) }
    }
    pub fn exit_status(self) -> i32 {
        unsafe { tractor_error_exit_status(self.0) }
    }
}

pub type Outcome<T> = Result<T, Failure>;

/// A closure on its way through C. A completion runs exactly once, so that is where its box ends; but a start that answers a
/// negative status has none.
struct Boxed<F> {
    nursery: *mut tractor_nursery,
    body: F,
}

/// `$start` starts something in `nursery` with a closure as its completion: `call` passes the pair `(fn, user)` on.
macro_rules! completion {
    ($start:ident, $trampoline:ident, $fn:ty, $outcome:ty, ($($arg:ident: $type:ty),*), $value:expr) => {
        unsafe extern "C" fn $trampoline<F: FnOnce($outcome)>(
            err: *const tractor_error,
            $($arg: $type,)*
            user: *mut c_void,
        ) {
            let Boxed { nursery, body } = *Box::from_raw(user as *mut Boxed<F>);
            guarded(nursery, || body(if err.is_null() { Ok($value) } else { Err(Failure(err)) }));
        }

        pub unsafe fn $start<F: FnOnce($outcome) + 'static>(
            nursery: *mut tractor_nursery,
            body: F,
            call: impl FnOnce($fn, *mut c_void) -> tractor_op,
        ) {
            let user = Box::into_raw(Box::new(Boxed { nursery, body }));
            let op = call(Some($trampoline::<F>), user as *mut c_void);
            if op < 0 {
                drop(Box::from_raw(user));
                panic!("not started: {}", text(tractor_strerror(op as i32)));
            }
        }
    };
}
completion!(start_done, on_done, tractor_done_fn, Outcome<()>, (), ());
completion!(
    start_value,
    on_value,
    tractor_value_fn,
    Outcome<*const tractor_value>,
    (value: *const tractor_value),
    value
);
completion!(
    start_portal,
    on_portal,
    tractor_portal_fn,
    Outcome<*mut tractor_portal>,
    (portal: *mut tractor_portal),
    portal
);

// --- values -----------------------------------------------------------------------------------

/// A writer, which needs no variadic calls. Its bytes are borrowed: they live until it is dropped.
pub struct Writer(*mut tractor_writer);

impl Writer {
    pub fn new() -> Writer {
        let writer = unsafe { tractor_writer_new() };
        assert!(!writer.is_null(), "out of memory");
        Writer(writer)
    }
    pub fn map(self, pairs: u32) -> Writer {
        unsafe { tractor_writer_map(self.0, pairs) };
        self
    }
    pub fn str(self, text: &str) -> Writer {
        unsafe { tractor_writer_str(self.0, text.as_ptr() as *const c_char, text.len()) };
        self
    }
    pub fn int(self, number: i64) -> Writer {
        unsafe { tractor_writer_i64(self.0, number) };
        self
    }
    pub fn bytes(&self) -> tractor_bytes {
        unsafe { tractor_writer_bytes(self.0) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        unsafe { tractor_writer_free(self.0) }
    }
}

/// A reader; what went wrong first is what `error` tells.
pub struct Reader(*mut tractor_reader);

impl Reader {
    pub unsafe fn new(value: *const tractor_value) -> Reader {
        let reader = tractor_reader_new(value);
        assert!(!reader.is_null(), "out of memory");
        Reader(reader)
    }
    pub fn map(&mut self) -> u32 {
        let mut pairs = 0;
        unsafe { tractor_reader_map(self.0, &mut pairs) };
        pairs
    }
    pub fn str(&mut self) -> &str {
        let (mut data, mut len) = (b"".as_ptr() as *const c_char, 0);
        unsafe {
            tractor_reader_str(self.0, &mut data, &mut len);
            std::str::from_utf8(std::slice::from_raw_parts(data as *const u8, len)).expect("the reader has looked")
        }
    }
    pub fn int(&mut self) -> i64 {
        let mut number = 0;
        unsafe { tractor_reader_i64(self.0, &mut number) };
        number
    }
    pub fn skip(&mut self) {
        unsafe { tractor_reader_skip(self.0) };
    }
    /// Borrowed from the reader; NULL if all went well.
    pub fn error(&self) -> *const c_char {
        unsafe { tractor_reader_error(self.0) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        unsafe { tractor_reader_free(self.0) }
    }
}
