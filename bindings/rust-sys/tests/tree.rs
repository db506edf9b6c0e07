//! real trees of processes from Rust. This program is root and child, one tree after the other.

mod support;

use std::cell::{Cell, RefCell};
use std::ffi::CString;
use std::mem::size_of;
use std::os::raw::c_void;
use std::process::exit;
use std::ptr::{null, null_mut};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;
use support::*;
use tractor_sys::*;

// --- in the child -----------------------------------------------------------------------------

/// What `scale` knows of a caller. It lies in memory of the task's nursery and has nothing to drop.
struct Scale {
    ctx: *mut tractor_ctx,
    stream: *mut tractor_stream,
    factor: i64,
    sum: i64,
}

/// Gives back what it receives, times a factor, and answers with the sum. All without variadic calls.
unsafe extern "C" fn scale(ctx: *mut tractor_ctx, args: *const tractor_value, _: *mut c_void) {
    let nursery = tractor_ctx_nursery(ctx);
    guarded(nursery, || {
        let mut reader = Reader::new(args);
        let mut factor = None;
        for _ in 0..reader.map() {
            match reader.str() {
                "factor" => factor = Some(reader.int()),
                _ => reader.skip(),
            }
        }
        if !reader.error().is_null() {
            tractor_ctx_refuse(ctx, reader.error());
            return;
        }
        let factor = match factor {
            Some(factor) => factor,
            None => {
                tractor_ctx_refuse(ctx, c(b"missing argument 'factor'\0"));
                return;
            }
        };

        let state = tractor_nursery_alloc(nursery, size_of::<Scale>()) as *mut Scale;
        state.write(Scale { ctx, stream: null_mut(), factor, sum: 0 });
        assert_eq!(tractor_ctx_started_value(ctx, Writer::new().str("ready").bytes()), TRACTOR_OK);
        assert_eq!(tractor_ctx_open_stream(ctx, null(), &mut (*state).stream), TRACTOR_OK);
        tractor_stream_receive((*state).stream, null_mut(), Some(on_number), state as *mut c_void);
    });
}

unsafe extern "C" fn on_number(err: *const tractor_error, value: *const tractor_value, user: *mut c_void) {
    let state = &mut *(user as *mut Scale);
    guarded(tractor_ctx_nursery(state.ctx), || match tractor_error_code(err) {
        TRACTOR_OK => {
            let scaled = Reader::new(value).int() * state.factor;
            state.sum += scaled;
            assert_eq!(tractor_stream_send(state.stream, Writer::new().int(scaled).bytes()), TRACTOR_OK);
            tractor_stream_receive(state.stream, null_mut(), Some(on_number), user);
        }
        TRACTOR_EEOF => {
            tractor_ctx_return_value(state.ctx, Writer::new().map(1).str("sum").int(state.sum).bytes());
        }
        _ => {} // the caller is gone or has cancelled: the runtime answers
    });
}

/// The same shape with variadic calls.
unsafe extern "C" fn divide(ctx: *mut tractor_ctx, args: *const tractor_value, _: *mut c_void) {
    guarded(tractor_ctx_nursery(ctx), || {
        let (mut a, mut b) = (0i64, 0i64);
        let (pa, pb): (*mut i64, *mut i64) = (&mut a, &mut b);
        if tractor_ctx_unpack(ctx, args, c(b"{s:I, s:I}\0"), c(b"a\0"), pa, c(b"b\0"), pb) == TRACTOR_OK {
            tractor_ctx_return(ctx, c(b"I\0"), a / b); // division by zero is a panic
        }
    });
}

unsafe extern "C" fn aborts(_: *mut tractor_ctx, _: *const tractor_value, _: *mut c_void) {
    or_abort(|| panic!("nothing can be trusted any more"));
}

static ARITHMETIC: [tractor_endpoint; 4] = [
    TRACTOR_CTX_TYPED(b"scale\0", Some(scale), b"started: str; stream: int; return: {sum: int}\0"),
    TRACTOR_FUNC(b"divide\0", Some(divide)),
    TRACTOR_FUNC(b"aborts\0", Some(aborts)),
    TRACTOR_ENDPOINTS_END,
];

/// An endpoint made at run time, with state of its own.
unsafe extern "C" fn greet(ctx: *mut tractor_ctx, _: *const tractor_value, user: *mut c_void) {
    guarded(tractor_ctx_nursery(ctx), || {
        let greeting = &*(user as *const String);
        tractor_ctx_return_value(ctx, Writer::new().str(greeting).bytes());
    });
}

unsafe extern "C" fn drop_string(user: *mut c_void) {
    drop(Box::from_raw(user as *mut String));
}

unsafe fn register() {
    assert_eq!(tractor_register(c(b"arithmetic\0"), ARITHMETIC.as_ptr(), null_mut()), TRACTOR_OK);
    let greeting = Box::into_raw(Box::new(String::from("hello from Rust"))) as *mut c_void;
    let endpoint = TRACTOR_FUNC(b"greet\0", Some(greet));
    let status = tractor_register_endpoint(c(b"late\0"), &endpoint, greeting, Some(drop_string));
    assert_eq!(status, TRACTOR_OK);
}

// --- in the root ------------------------------------------------------------------------------

type Body = unsafe fn(*mut tractor_nursery, Rc<Steps>);

/// What was seen, in its order.
#[derive(Default)]
struct Steps(RefCell<Vec<String>>);

impl Steps {
    fn note(&self, step: impl Into<String>) {
        self.0.borrow_mut().push(step.into());
    }
}

struct Case {
    body: Body,
    steps: Rc<Steps>,
}

unsafe extern "C" fn run_body(root: *mut tractor_nursery, user: *mut c_void) {
    let case = &*(user as *const Case);
    guarded(root, || (case.body)(root, case.steps.clone()));
}

/// Runs a whole tree. A panic in any callback of the root fails its nursery, and so this.
unsafe fn run_tree(name: &str, body: Body, expected: &[&str]) {
    let folder = std::env::var("TMPDIR").unwrap_or_else(|_| "/tmp".into());
    let registry = CString::new(format!("/unix{folder}/rust-{}.sock", std::process::id())).unwrap();
    let registries = [registry.as_ptr(), null()];
    let options = tractor_root_options { registry_addrs: registries.as_ptr(), ..Default::default() };
    let case = Case { body, steps: Rc::default() };
    // In a child the first of these calls serves, and does not return.
    let status = tractor_main(0, null_mut(), &options, Some(run_body), &case as *const Case as *mut c_void);
    assert_eq!(status, 0, "{name}: the tree has failed");
    assert_eq!(*case.steps.0.borrow(), expected, "{name}");
    assert_eq!(Rc::strong_count(&case.steps), 1, "{name}: a completion was not dropped");
    println!("test {name} ... ok");
}

unsafe fn start_arithmetic(root: *mut tractor_nursery, then: impl FnOnce(*mut tractor_portal) + 'static) {
    let modules = [c(b"arithmetic\0"), null()];
    let options = tractor_spawn_options { modules: modules.as_ptr(), ..Default::default() };
    let body = move |portal: Outcome<*mut tractor_portal>| then(portal.unwrap());
    start_portal(root, body, |f, user| tractor_nursery_start_actor(root, c(b"calculator\0"), &options, f, user));
}

/// The caller's side of `scale`. It is shared by completions that run once and callbacks that run often.
struct Scaling {
    root: *mut tractor_nursery,
    stream: Cell<*mut tractor_stream>,
    steps: Rc<Steps>,
}

unsafe extern "C" fn on_scaling(ctx: *mut tractor_ctx, first: *const tractor_value, user: *mut c_void) {
    let s = &*(user as *const Scaling);
    guarded(s.root, || {
        s.steps.note(Reader::new(first).str());
        let mut stream = null_mut();
        assert_eq!(tractor_ctx_open_stream(ctx, null(), &mut stream), TRACTOR_OK);
        s.stream.set(stream);
        assert_eq!(tractor_stream_send(stream, Writer::new().int(1).bytes()), TRACTOR_OK);
        assert_eq!(tractor_stream_sendf(stream, c(b"I\0"), 2i64), TRACTOR_OK);
        let steps = s.steps.clone();
        let taken = move |taken: Outcome<()>| {
            taken.unwrap();
            steps.note("taken");
        };
        start_done(s.root, taken, |f, user| {
            tractor_stream_send_wait(stream, null_mut(), Writer::new().int(3).bytes(), f, user)
        });
        assert_eq!(tractor_stream_send_eof(stream), TRACTOR_OK);
        tractor_stream_receive(stream, null_mut(), Some(on_scaled), user);
    });
}

unsafe extern "C" fn on_scaled(err: *const tractor_error, value: *const tractor_value, user: *mut c_void) {
    let s = &*(user as *const Scaling);
    guarded(s.root, || {
        if tractor_error_code(err) == TRACTOR_EEOF {
            s.steps.note("end of stream");
            return;
        }
        assert!(err.is_null());
        s.steps.note(Reader::new(value).int().to_string());
        tractor_stream_receive(s.stream.get(), null_mut(), Some(on_scaled), user);
    });
}

unsafe extern "C" fn on_scaling_result(err: *const tractor_error, value: *const tractor_value, user: *mut c_void) {
    let s = Box::from_raw(user as *mut Scaling); // the last callback: the box ends here
    guarded(s.root, || {
        if err.is_null() {
            let mut sum = 0i64;
            let sum_to: *mut i64 = &mut sum;
            assert_eq!(tractor_unpack(value, c(b"{s:I}\0"), c(b"sum\0"), sum_to), TRACTOR_OK);
            s.steps.note(format!("sum {sum}"));
        } else {
            assert_eq!(tractor_error_code(err), TRACTOR_EREMOTE);
            s.steps.note(text(tractor_error_boxed_type(err)));
            s.steps.note(text(tractor_error_message(err)));
        }
        tractor_nursery_cancel(s.root, null());
    });
}

unsafe fn open_scaling(root: *mut tractor_nursery, portal: *mut tractor_portal, args: tractor_bytes, steps: Rc<Steps>) {
    let user = Box::into_raw(Box::new(Scaling { root, stream: Cell::new(null_mut()), steps })) as *mut c_void;
    let (module, func) = (c(b"arithmetic\0"), c(b"scale\0"));
    let (started, result) = (Some(on_scaling as _), Some(on_scaling_result as _));
    let op = tractor_portal_open_context(portal, root, module, func, args, null(), started, result, user);
    assert!(op > 0);
}

unsafe fn context_with_a_stream(root: *mut tractor_nursery, steps: Rc<Steps>) {
    start_arithmetic(root, move |portal| {
        open_scaling(root, portal, Writer::new().map(1).str("factor").int(10).bytes(), steps)
    });
}

unsafe fn context_refuses_arguments(root: *mut tractor_nursery, steps: Rc<Steps>) {
    start_arithmetic(root, move |portal| {
        open_scaling(root, portal, tractor_pack(c(b"{s:s}\0"), c(b"factor\0"), c(b"ten\0")), steps)
    });
}

/// Calls `func` in a child of its own and notes what comes of it.
unsafe fn call(root: *mut tractor_nursery, steps: Rc<Steps>, module_func: [&'static [u8]; 2], args: tractor_bytes) {
    // That a child dies is told to its call; here it is not an error of the nursery as well.
    let options = tractor_spawn_options { flags: TRACTOR_SPAWN_IGNORE_DEATH, ..Default::default() };
    let body = move |answer: Outcome<*const tractor_value>| match answer {
        Ok(value) if tractor_reader_is_str(value) => steps.note(Reader::new(value).str()),
        Ok(value) => steps.note(Reader::new(value).int().to_string()),
        Err(err) if err.code() == TRACTOR_ECHILD => steps.note(format!("exit status {}", err.exit_status())),
        Err(err) => {
            assert_eq!(err.code(), TRACTOR_EREMOTE);
            steps.note(err.boxed_type());
            steps.note(err.message());
        }
    };
    let (module, func) = (c(module_func[0]), c(module_func[1]));
    start_value(root, body, |f, user| tractor_nursery_run_in_actor(root, module, func, args, &options, f, user));
}

unsafe fn tractor_reader_is_str(value: *const tractor_value) -> bool {
    let reader = tractor_reader_new(value);
    let found = tractor_reader_type(reader);
    tractor_reader_free(reader);
    found == TRACTOR_TYPE_STR
}

unsafe fn divide_in_child(root: *mut tractor_nursery, steps: Rc<Steps>) {
    let args = tractor_pack(c(b"{s:I, s:I}\0"), c(b"a\0"), 42i64, c(b"b\0"), 6i64);
    call(root, steps, [b"arithmetic\0", b"divide\0"], args);
}

unsafe fn wrong_argument(root: *mut tractor_nursery, steps: Rc<Steps>) {
    let args = tractor_pack(c(b"{s:I, s:s}\0"), c(b"a\0"), 42i64, c(b"b\0"), c(b"six\0"));
    call(root, steps, [b"arithmetic\0", b"divide\0"], args);
}

unsafe fn panic_in_endpoint(root: *mut tractor_nursery, steps: Rc<Steps>) {
    let args = tractor_pack(c(b"{s:I, s:I}\0"), c(b"a\0"), 42i64, c(b"b\0"), 0i64);
    call(root, steps, [b"arithmetic\0", b"divide\0"], args);
}

unsafe fn abort_in_endpoint(root: *mut tractor_nursery, steps: Rc<Steps>) {
    call(root, steps, [b"arithmetic\0", b"aborts\0"], Default::default());
}

unsafe fn endpoint_made_at_run_time(root: *mut tractor_nursery, steps: Rc<Steps>) {
    call(root, steps, [b"late\0", b"greet\0"], Default::default());
}

/// Work on a thread of the library's.
unsafe fn worker_thread(root: *mut tractor_nursery, steps: Rc<Steps>) {
    struct Work {
        steps: Rc<Steps>, // belongs to the loop thread: `work` leaves it alone
        sum: u64,
    }
    unsafe extern "C" fn work(user: *mut c_void) {
        or_abort(|| (*(user as *mut Work)).sum = (1..=1000).sum()); // there is no nursery here to tell
    }
    unsafe extern "C" fn worked(err: *const tractor_error, user: *mut c_void) {
        let work = Box::from_raw(user as *mut Work);
        or_abort(|| {
            assert!(err.is_null());
            work.steps.note(format!("worked: {}", work.sum));
        });
    }
    let job = Box::into_raw(Box::new(Work { steps, sum: 0 })) as *mut c_void;
    assert!(tractor_nursery_run_in_thread(root, Some(work), Some(worked), job) > 0);
}

/// A thread of the program's own, which reports with a post.
unsafe fn thread_of_the_program(root: *mut tractor_nursery, steps: Rc<Steps>) {
    /// What travels to the other thread and back. The hold keeps the nursery open meanwhile.
    struct Report {
        actor: *mut tractor_actor,
        nursery: *mut tractor_nursery,
        hold: tractor_op,
        steps: *const Steps,
        text: String,
    }
    // Over there it only gets its text; what it points to stays on the loop thread.
    unsafe impl Send for Report {}
    unsafe extern "C" fn reported(err: *const tractor_error, user: *mut c_void) {
        let report = Box::from_raw(user as *mut Report);
        or_abort(|| {
            assert!(err.is_null());
            Rc::from_raw(report.steps).note(report.text.as_str());
            assert_eq!(tractor_op_complete(report.actor, report.hold, null()), TRACTOR_OK);
            tractor_actor_unref(report.actor);
        });
    }
    let actor = tractor_actor_ref(tractor_nursery_actor(root));
    let hold = tractor_nursery_hold(root, c(b"a thread\0"), None, null_mut());
    let mut report = Box::new(Report { actor, nursery: root, hold, steps: Rc::into_raw(steps), text: String::new() });
    thread::spawn(move || {
        let status = tractor_nursery_cancel(report.nursery, null()); // not from here
        report.text = text(tractor_strerror(status));
        let actor = report.actor;
        assert_eq!(tractor_actor_post(actor, Some(reported), Box::into_raw(report) as *mut c_void), TRACTOR_OK);
    });
}

/// A Rust error rides along in one of the library's, and is dropped once, with the last reference.
unsafe fn error_with_payload(root: *mut tractor_nursery, steps: Rc<Steps>) {
    struct Custom(Arc<AtomicUsize>, i32);
    impl Drop for Custom {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    static TAG: u8 = 0;
    unsafe extern "C" fn release(payload: *mut c_void) {
        drop(Box::from_raw(payload as *mut Custom));
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let tag = &TAG as *const u8 as *const c_void;
    let options = tractor_error_options {
        type_: c(b"ValueError\0"),
        message: c(b"with a payload\0"),
        payload_tag: tag,
        payload: Box::into_raw(Box::new(Custom(drops.clone(), 42))) as *mut c_void,
        payload_release: Some(release),
        ..Default::default()
    };
    let err = tractor_error_new(&options);
    let body = move |ended: Outcome<()>| {
        let failure = ended.unwrap_err();
        let payload = tractor_error_payload(failure.0, tag) as *const Custom;
        steps.note(format!("{} {}", failure.message(), (*payload).1));
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        let steps = steps.clone();
        start_done(
            root,
            move |_| steps.note(format!("dropped {}", drops.load(Ordering::SeqCst))),
            |f, user| tractor_nursery_sleep(root, 0, f, user),
        );
    };
    start_done(root, body, |f, user| {
        let nursery = tractor_nursery_open(root, null(), f, user);
        assert_eq!(tractor_nursery_fail(nursery, err), TRACTOR_OK);
        1
    });
    tractor_error_unref(err);
}

fn main() {
    unsafe {
        register();
        let seen = ["ready", "taken", "10", "20", "30", "end of stream", "sum 60"];
        run_tree("context_with_a_stream", context_with_a_stream, &seen);
        let seen = ["TypeError", "TypeError: at .factor: expected int, found str 'ten'"];
        run_tree("context_refuses_arguments", context_refuses_arguments, &seen);
        run_tree("divide_in_child", divide_in_child, &["7"]);
        let seen = ["TypeError", "TypeError: argument 'b': expected a 64-bit signed integer, found str 'six'"];
        run_tree("wrong_argument", wrong_argument, &seen);
        let seen = ["RuntimeError", "RuntimeError: attempt to divide by zero"];
        run_tree("panic_in_endpoint", panic_in_endpoint, &seen);
        run_tree("abort_in_endpoint", abort_in_endpoint, &["exit status -6"]);
        run_tree("endpoint_made_at_run_time", endpoint_made_at_run_time, &["hello from Rust"]);
        run_tree("worker_thread", worker_thread, &["worked: 500500"]);
        let seen = ["called from a thread that does not own it"];
        run_tree("thread_of_the_program", thread_of_the_program, &seen);
        run_tree("error_with_payload", error_with_payload, &["with a payload 42", "dropped 1"]);
    }
    exit(0)
}
